import { expect } from "chai";
import type pg from "pg";
import { tenantNames, type TenantId } from "../../../model/tenant.ts";
import { asTenantReader, testTenant } from "../../support/cell.ts";
import { eventually } from "../../support/eventually.ts";
import { connectTo, ingestCell, type IngestCell } from "../../support/ingest-cell.ts";
import { logRecord, machineReading } from "../../support/log-records.ts";

describe("a tenant's own reader", () => {
  let cell: IngestCell;
  let tenant: TenantId;
  let table: string;
  before(async () => {
    cell = await ingestCell();
    tenant = await testTenant(cell.secret, "dashboards");
    table = `${tenantNames(tenant).schema}.machine_telemetry`;
    await cell.store([logRecord(tenant, 0, 0)]);
  });
  after(() => cell.close());

  /** Of the reader's next sessions, in place of a longer one. */
  const limit = (setting: string, value: string) =>
    cell.admin(`alter role ${tenantNames(tenant).reader} set ${setting} = '${value}'`);
  const refusal = (client: pg.Client, sql: string) =>
    client.query(sql).then(
      () => expect.fail(`was allowed: ${sql}`),
      (error: unknown) => (error as pg.DatabaseError).code,
    );

  it("waits for a lock no longer than it may", async () => {
    await asTenantReader(cell.secret, tenant, async (reader) => {
      expect((await reader.query("show lock_timeout")).rows).to.deep.equal([{ lock_timeout: "5s" }]);
    });
    await limit("lock_timeout", "50ms");
    const owner = await connectTo(cell.secret, "admin");
    await owner.query("begin");
    await owner.query(`lock table ${table} in access exclusive mode`);
    await asTenantReader(cell.secret, tenant, async (reader) => {
      expect(await refusal(reader, `select from ${table}`)).to.equal("55P03");
    });
    await owner.end();
  });

  it("is ended when it runs long, and when it sleeps in a transaction", async () => {
    await limit("statement_timeout", "50ms");
    await limit("idle_in_transaction_session_timeout", "50ms");
    await asTenantReader(cell.secret, tenant, async (reader) => {
      expect(await refusal(reader, "select pg_sleep(600)")).to.equal("57014");
    });
    await asTenantReader(cell.secret, tenant, async (reader) => {
      const ended = new Promise((resolve) => reader.once("error", resolve));
      await reader.query("begin");
      await reader.query(`select from ${table}`);
      expect(await ended).to.include({ code: "25P03" });
    });
    await limit("statement_timeout", "0");
    await limit("idle_in_transaction_session_timeout", "0");
  });

  it("holds up no ingestion meanwhile, also of a day that has no rows yet", async () => {
    const { reader: user } = tenantNames(tenant);
    await asTenantReader(cell.secret, tenant, async (sleeper) => {
      await sleeper.query("begin isolation level repeatable read");
      await sleeper.query(`select from ${table}`);
      await asTenantReader(cell.secret, tenant, async (runner) => {
        const running = runner.query(`select pg_sleep(600) from ${table}`).catch((error: unknown) => error);
        const states = async () => {
          const rows = await cell.admin<{ state: string }>(
            "select state from pg_stat_activity where usename = $1 order by state",
            [user],
          );
          return rows.map(({ state }) => state);
        };
        await eventually("both", async () => (await states()).length === 2);
        await cell.store([
          logRecord(tenant, 0, 1),
          logRecord(tenant, 0, 2, [machineReading({ ts: "2026-10-01T00:00:00.000Z" })]),
        ]);
        expect(await states()).to.deep.equal(["active", "idle in transaction"]);
        await cell.admin("select pg_cancel_backend(pid) from pg_stat_activity where usename = $1", [user]);
        expect(await running).to.include({ code: "57014" });
      });
      await sleeper.query("rollback");
    });
    expect(await cell.offsets(tenant)).to.deep.equal([0, 1, 2]);
  });
});
