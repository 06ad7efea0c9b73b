import { expect } from "chai";
import pg from "pg";
import { cellAddress, type CellSecret } from "../../../data/cell/cell-secret.ts";
import { advancePositions } from "../../../data/cell/log-position.ts";
import { topicName, type TenantId } from "../../../model/tenant.ts";
import { asCellRole, testCell, testTenant } from "../../support/cell.ts";
import { eventually } from "../../support/eventually.ts";

describe("positions", () => {
  let secret: CellSecret;
  before(async () => (secret = await testCell()));

  /** Takes ten records; answers the position that it found, which says whether their rows are stored. */
  type Advance = (tx: pg.ClientBase, tenant: TenantId, first: bigint) => Promise<bigint | undefined>;

  const inTwoStatements: Advance = async (tx, tenant, firstOffset) => {
    const place = { tenant, topic: topicName(tenant, "readings", 1), partition: 0 };
    const range = { ...place, firstOffset, nextOffset: firstOffset + 10n };
    return (await advancePositions(tx, [range])).get(range);
  };

  const inOneStatement: Advance = async (tx, tenant, first) => {
    const { rows } = await tx.query<{ next_offset: bigint }>(
      `with stored as materialized (
         select next_offset from millwright.log_position where tenant = $1 and partition = 0 for update),
       moved as (
         update millwright.log_position p set next_offset = $2 + 10 from stored s
          where p.tenant = $1 and p.partition = 0 and p.next_offset = $2::bigint)
       select next_offset from stored`,
      [tenant, first],
    );
    return rows[0]?.next_offset;
  };

  /** Two consumers take neighbouring ranges; the second waits for the first one's commit. */
  async function meet(advance: Advance, id: string) {
    const tenant = await testTenant(secret, id);
    const [first, second] = [0, 1].map(() => new pg.Client(cellAddress(secret, "ingest")));
    await Promise.all([first!.connect(), second!.connect()]);
    try {
      const { rows: pids } = await second!.query<{ pid: number }>("select pg_backend_pid() as pid");
      await first!.query("begin");
      await advance(first!, tenant, 0n);
      await second!.query("begin");
      const waiting = advance(second!, tenant, 10n);
      await eventually("it waits", () => waitsForLock(pids[0]!.pid));
      await first!.query("commit");
      const found = await waiting;
      await second!.query("commit");
      return await asCellRole(secret, "admin", async (client) => {
        const { rows } = await client.query<{ next_offset: bigint }>(
          "select next_offset from millwright.log_position where tenant = $1 and partition = 0",
          [tenant],
        );
        return { found, left: rows[0]?.next_offset };
      });
    } finally {
      await Promise.all([first!.end(), second!.end()]);
    }
  }

  const waitsForLock = (pid: number) =>
    asCellRole(secret, "admin", async (admin) => {
      const { rowCount } = await admin.query("select from pg_locks where pid = $1 and not granted", [pid]);
      return rowCount !== 0;
    });

  it("move for a range that came to be next while it waited for the lock", async () => {
    expect(await meet(inTwoStatements, "pos-two")).to.deep.equal({ found: 10n, left: 20n });
  });

  it("would stay behind the stored rows if they were locked and moved in one statement", async () => {
    expect(await meet(inOneStatement, "pos-one")).to.deep.equal({ found: 10n, left: 10n });
  });
});
