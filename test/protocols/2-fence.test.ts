import { expect } from "chai";
import type pg from "pg";
import { lockTenant, tryShareTenants } from "../../data/cell/fence.ts";
import type { TenantId } from "../../model/tenant.ts";
import { asTenantReader, testTenant } from "../support/cell.ts";
import { eventually } from "../support/eventually.ts";
import { connectTo, ingestCell, type IngestCell } from "../support/ingest-cell.ts";
import { logRecord } from "../support/log-records.ts";

// That lock and fence are read in two statements, READ COMMITTED: test/data/cell/fence.test.ts.
describe("protocol 2: a tenant's lock", () => {
  let cell: IngestCell;
  before(async () => (cell = await ingestCell()));
  after(() => cell.close());

  describe("is shared by writers who turn away when a mover waits", () => {
    /** How writers and movers exclude each other. */
    interface Exclusion {
      /** Whether the writer may write until its transaction ends. */
      readonly enter: (writer: pg.Client, tenant: TenantId) => Promise<boolean>;
      readonly raise: (mover: pg.Client, tenant: TenantId) => Promise<unknown>;
    }
    const raiseFence = (mover: pg.Client, tenant: TenantId) =>
      mover.query("update millwright.fence set epoch = epoch + 1 where tenant = $1", [tenant]);

    const byAdvisoryLock: Exclusion = {
      enter: async (writer, tenant) => (await tryShareTenants(writer, [tenant])).has(tenant),
      raise: async (mover, tenant) => {
        await lockTenant(mover, tenant);
        await raiseFence(mover, tenant);
      },
    };
    const byRowLock: Exclusion = {
      enter: async (writer, tenant) => {
        await writer.query("select from millwright.fence where tenant = $1 for share", [tenant]);
        return true;
      },
      raise: raiseFence,
    };

    /** Each writer begins before the one ahead of it ends, as on a busy tenant. @returns who got in, and the mover's turn */
    async function relay(id: string, { enter, raise }: Exclusion) {
      const tenant = await testTenant(cell.secret, id);
      const [first, second, third, mover] = await Promise.all(
        [0, 1, 2, 3].map(() => connectTo(cell.secret, "admin")),
      );
      const all = [first!, second!, third!, mover!];
      try {
        const { rows } = await mover!.query<{ pid: number }>("select pg_backend_pid() as pid");
        const isMoverWaiting = async () =>
          (await cell.admin("select from pg_locks where pid = $1 and not granted", [rows[0]!.pid])).length >
          0;
        for (const client of all) await client.query("begin");
        const entered = [await enter(first!, tenant)];
        let isRaised = false;
        const raising = raise(mover!, tenant).then(() => (isRaised = true));
        await eventually("the mover waits", isMoverWaiting);
        entered.push(await enter(second!, tenant));
        await first!.query("commit");
        entered.push(await enter(third!, tenant));
        await second!.query("commit");
        // Either its turn has come, or somebody who came later holds it back.
        await eventually("the mover's turn or its wait", async () => isRaised || (await isMoverWaiting()));
        const isTurnOfMover = isRaised;
        await third!.query("commit");
        await raising;
        return { entered, isTurnOfMover };
      } finally {
        await Promise.all(all.map((client) => client.end()));
      }
    }

    it("so the mover's turn comes when those before it have ended", async () => {
      expect(await relay("advisory", byAdvisoryLock)).to.deep.equal({
        entered: [true, false, false],
        isTurnOfMover: true,
      });
    });

    it("would keep the mover waiting while writers come if they took the fence's row FOR SHARE", async () => {
      expect(await relay("for-share", byRowLock)).to.deep.equal({
        entered: [true, true, true],
        isTurnOfMover: false,
      });
    });
  });

  describe("is out of reach for readers, because PUBLIC may not call the advisory functions", () => {
    const grant = (verb: string) =>
      cell.admin(
        `${verb} execute on function pg_advisory_lock(bigint) ${verb === "grant" ? "to" : "from"} public`,
      );
    const locking = "select pg_advisory_lock(hashtextextended('lock-victim', 0))";

    /** A reader of one tenant tries to hold the lock of another. @returns whom ingestion left out */
    async function attack(attacker: TenantId, victim: TenantId, offset: number) {
      return asTenantReader(cell.secret, attacker, async (reader) => {
        await reader.query(locking).catch((error: unknown) => expect(error).to.include({ code: "42501" }));
        return (await cell.store([logRecord(victim, 0, offset)])).left;
      });
    }

    it("and would stop any tenant's ingestion if PUBLIC might, as it may by default", async () => {
      const attacker = await testTenant(cell.secret, "lock-attacker");
      const victim = await testTenant(cell.secret, "lock-victim");
      expect(await attack(attacker, victim, 0)).to.deep.equal([]);
      await grant("grant");
      try {
        expect(await attack(attacker, victim, 1)).to.deep.equal([victim]);
      } finally {
        await grant("revoke");
      }
    });
  });
});
