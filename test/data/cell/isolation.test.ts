import { expect } from "chai";
import type pg from "pg";
import { openIngestPool } from "../../../data/cell/cell-pool.ts";
import type { CellSecret } from "../../../data/cell/cell-secret.ts";
import { Memory } from "../../../handlers/ingest/memory.ts";
import { prepareBatch } from "../../../handlers/ingest/prepare.ts";
import { storeSafely } from "../../../handlers/ingest/store-safely.ts";
import { tenantNames, type TenantId } from "../../../model/tenant.ts";
import { asCellRole, asTenantReader, testCell, testTenant } from "../../support/cell.ts";
import { logRecord } from "../../support/log-records.ts";

const DENIED = "42501";

describe("tenants of one cell, by SQL", () => {
  let secret: CellSecret;
  let acme: TenantId;
  let globex: TenantId;

  before(async () => {
    secret = await testCell();
    [acme, globex] = [await testTenant(secret, "iso-acme"), await testTenant(secret, "iso-globex")];
    const pool = openIngestPool(secret, "test");
    const batch = await prepareBatch([logRecord(acme, 0, 0), logRecord(globex, 0, 0)]);
    await storeSafely(
      { pool, memory: new Memory(), epochOf: () => 1n, alarm: ({ error }) => expect.fail(String(error)) },
      batch,
    );
    await pool.end();
  });

  const table = (tenant: TenantId) => `${tenantNames(tenant).schema}.machine_telemetry`;

  async function denied(client: pg.Client, sql: string) {
    await client.query(sql).then(
      () => expect.fail(`was allowed: ${sql}`),
      (error: unknown) => expect(error, sql).to.include({ code: DENIED }),
    );
  }

  it("lets a reader read its own series", () =>
    asTenantReader(secret, acme, async (client) => {
      expect((await client.query(`select from ${table(acme)}`)).rowCount).to.equal(1);
    }));

  it("lets a reader do nothing else", () =>
    asTenantReader(secret, acme, async (client) => {
      const { schema, owner, writer, reader } = tenantNames(globex);
      for (const sql of [
        `select from ${table(globex)}`,
        `select from ${schema}.machine_telemetry_20261101`,
        `insert into ${table(acme)} (time, machine_id, log_ref, ordinal) values (now(), 'm', 1, 1)`,
        `delete from ${table(acme)}`,
        `create table ${tenantNames(acme).schema}.mine (x int)`,
        "select from millwright.fence",
        "select from millwright.log_position",
        "select millwright.ensure_partitions('iso-acme', 'machine_telemetry', '{2020-01-01}')",
        `set role ${owner}`,
        `set role ${writer}`,
        `set role ${reader}`,
        "set role millwright_ingest",
        "create table public.mine (x int)",
        "select lo_creat(-1)",
        "select lo_from_bytea(0, 'x')",
        "set temp_file_limit = -1",
      ])
        await denied(client, sql);
      const { rows } = await client.query<{ limit: string }>(
        "select current_setting('temp_file_limit') as limit",
      );
      expect(rows).to.deep.equal([{ limit: "1GB" }]);
    }));

  it("lets nobody but ingestion take an advisory lock, in any of the functions' forms", async () => {
    const { rows } = await asCellRole(secret, "admin", (client) =>
      client.query<{ name: string; reader: boolean; query: boolean; ingest: boolean }>(
        `select oid::regprocedure::text as name,
                has_function_privilege('tenant_iso_acme_reader', oid, 'execute') as reader,
                has_function_privilege('millwright_query', oid, 'execute') as query,
                has_function_privilege('millwright_ingest', oid, 'execute') as ingest
           from pg_proc where pronamespace = 'pg_catalog'::regnamespace and proname like '%advisory%'`,
      ),
    );
    expect(rows).to.have.length.greaterThan(10);
    expect(rows.filter(({ reader, query, ingest }) => reader || query || !ingest)).to.deep.equal([]);
    await asTenantReader(secret, acme, (client) => denied(client, "select pg_advisory_lock(1)"));
  });

  it("lets the query login read nothing before it becomes a tenant's reader", () =>
    asCellRole(secret, "query", async (client) => {
      await denied(client, `select from ${table(acme)}`);
      await client.query("begin");
      await client.query(`set local role ${tenantNames(acme).reader}`);
      expect((await client.query(`select from ${table(acme)}`)).rowCount).to.equal(1);
      await denied(client, `select from ${table(globex)}`);
      await client.query("rollback");
      await denied(client, `set role ${tenantNames(acme).owner}`);
      await denied(client, "update millwright.fence set epoch = 9");
    }));

  it("lets ingestion add rows, but change or delete none, and raise no fence", () =>
    asCellRole(secret, "ingest", async (client) => {
      for (const sql of [
        `delete from ${table(acme)}`,
        `update ${table(acme)} set machine_id = 'x'`,
        `truncate ${table(acme)}`,
        `drop table ${table(acme)}`,
        "update millwright.fence set epoch = 9",
        "delete from millwright.log_position",
        "delete from millwright.dirty_mark",
      ])
        await denied(client, sql);
    }));
});
