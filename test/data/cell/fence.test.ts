import { expect } from "chai";
import pg from "pg";
import { cellAddress, type CellSecret } from "../../../data/cell/cell-secret.ts";
import { lockTenant, readFences, tryShareTenants } from "../../../data/cell/fence.ts";
import type { TenantId } from "../../../model/tenant.ts";
import { asCellRole, testCell, testTenant } from "../../support/cell.ts";
import { eventually } from "../../support/eventually.ts";

const GATE = 4_711;

describe("a fence", () => {
  let secret: CellSecret;
  let tenant: TenantId;
  let writer: pg.Client;

  before(async () => {
    secret = await testCell();
  });

  beforeEach(async () => {
    tenant = await testTenant(secret, "fenced");
    writer = new pg.Client(cellAddress(secret, "ingest"));
    await writer.connect();
  });

  afterEach(async () => {
    await writer.end();
    await admin("update millwright.fence set epoch = 1");
  });

  const admin = (sql: string) => asCellRole(secret, "admin", (client) => client.query(sql));

  /** Runs a writer's `work` up to the gate, raises the fence to epoch 2, then opens the gate. */
  async function withFenceRaisedAtGate<T>(work: () => Promise<T>): Promise<T> {
    return asCellRole(secret, "ingest", async (gatekeeper) => {
      await gatekeeper.query("select pg_advisory_lock($1)", [GATE]);
      const working = work();
      await eventually("the writer stands at the gate", async () => {
        const { rowCount } = await admin("select from pg_locks where locktype = 'advisory' and not granted");
        return rowCount === 1;
      });
      await asCellRole(secret, "admin", async (mover) => {
        await mover.query("begin");
        await lockTenant(mover, tenant);
        await mover.query("update millwright.fence set epoch = 2 where tenant = $1", [tenant]);
        await mover.query("commit");
      });
      await gatekeeper.query("select pg_advisory_unlock($1)", [GATE]);
      return working;
    });
  }

  const passGate = () => writer.query("select pg_advisory_xact_lock_shared($1)", [GATE]);

  it("is read as it is once the lock is held", async () => {
    const fences = await withFenceRaisedAtGate(async () => {
      await writer.query("begin isolation level read committed");
      await passGate();
      expect(await tryShareTenants(writer, [tenant])).to.deep.equal(new Set([tenant]));
      return readFences(writer, [tenant]);
    });
    expect(fences.get(tenant)?.epoch).to.equal(2n);
  });

  // Why the lock and the fence are read in two statements, READ COMMITTED: the shorter ways read the past.
  it("would be read as it was before the lock in one statement with it", async () => {
    const { rows } = await withFenceRaisedAtGate(() =>
      writer.query<{ epoch: bigint }>(
        `with gate as materialized (select pg_advisory_xact_lock_shared($1)),
              locked as materialized (
                select pg_try_advisory_xact_lock_shared(hashtextextended($2, 0)) as is_free from gate)
         select epoch from locked, millwright.fence where is_free and tenant = $2`,
        [GATE, tenant],
      ),
    );
    expect(rows).to.deep.equal([{ epoch: 1n }]);
  });

  it("would be read as it was before the lock under REPEATABLE READ", async () => {
    const fences = await withFenceRaisedAtGate(async () => {
      await writer.query("begin isolation level repeatable read");
      await passGate();
      await tryShareTenants(writer, [tenant]);
      return readFences(writer, [tenant]);
    });
    expect(fences.get(tenant)?.epoch).to.equal(1n);
  });

  it("turns writers away while a mover waits for those before them, so the mover's turn comes", async () => {
    await writer.query("begin");
    await tryShareTenants(writer, [tenant]);
    await asCellRole(secret, "admin", async (mover) => {
      const locking = mover.query("begin").then(() => lockTenant(mover, tenant));
      await eventually("the mover waits", async () => {
        const { rowCount } = await admin("select from pg_locks where locktype = 'advisory' and not granted");
        return rowCount === 1;
      });
      await asCellRole(secret, "ingest", async (late) => {
        await late.query("begin");
        expect(await tryShareTenants(late, [tenant])).to.deep.equal(new Set());
      });
      await writer.query("rollback");
      await locking;
    });
  });
});
