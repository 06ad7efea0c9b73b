import { expect } from "chai";
import { setTimeout as delay } from "node:timers/promises";
import { sparingNeighbours, type Throttle } from "../../../automation/moves/throttle.ts";
import { copyRanges } from "../../../data/cell/move/copy-ranges.ts";
import { markTenant } from "../../../data/cell/move/mark.ts";
import { planRanges } from "../../../data/cell/move/plan-ranges.ts";
import { tenantId, tenantNames } from "../../../model/tenant.ts";
import { asCellRole } from "../../support/cell.ts";
import { eventually } from "../../support/eventually.ts";
import { moveCells, type MoveCells } from "../../support/move-cells.ts";

const PROBE_EVERY_MS = 5;
const PIECE_BYTES = 200_000;
/** Longer than the slowest of the looks before, the first of which plan and read from disk. */
const HOLD_MS = 100;

describe("a copy that spares the tenant's neighbours", () => {
  let cells: MoveCells;
  // Cells of their own: of all that are at home in one, the throttle looks at a single tenant.
  beforeEach(async () => (cells = await moveCells()));
  afterEach(() => cells.close());

  /** The least of some tries: a busy machine makes a wait longer, never shorter. */
  async function pieceMs(throttle: Throttle): Promise<number> {
    const tries = [];
    for (let number = 0; number < 3; number++) {
      const startMs = performance.now();
      await throttle(PIECE_BYTES);
      tries.push(performance.now() - startMs);
    }
    return Math.min(...tries);
  }

  it("is not slowed down where the tenant is alone", async () => {
    const move = await cells.tenantToMove("alone", 2);
    expect(await sparingNeighbours(move, (throttle) => Promise.resolve(throttle))).to.equal(undefined);
  });

  it("yields to neighbours that wait longer than they did, and copies all the same", async () => {
    const neighbour = await cells.tenantInSource("neighbour", 4);
    const move = await cells.tenantToMove("mover", 12);
    await markTenant(move);
    await planRanges(move, 60);

    await sparingNeighbours(
      move,
      async (throttle) => {
        expect(await pieceMs(throttle!)).to.be.within(45, 5_000); // 4 MB a second at first
        const { schema } = tenantNames(neighbour);
        const holding = new AbortController();
        const held = asCellRole(cells.source.secret, "admin", async (client) => {
          while (!holding.signal.aborted) {
            await client.query(
              `begin; lock table ${schema}.energy_monitoring, ${schema}.machine_telemetry in access exclusive mode`,
            );
            await delay(HOLD_MS);
            await client.query("commit");
          }
        });
        await eventually("the copy goes slower", async () => (await pieceMs(throttle!)) >= 95);
        holding.abort();
        await held;
        await copyRanges(move, { throttle: throttle! });
      },
      PROBE_EVERY_MS,
    );
    const [count] = await cells.inTarget<{ count: bigint }>(
      `select count(*) from ${tenantNames(tenantId.parse("mover")).schema}.energy_monitoring`,
    );
    expect(count?.count).to.equal(120n);
  });

  it("goes on at the slowest when the neighbours are not to be seen any more", async () => {
    await cells.tenantInSource("neighbour", 2);
    const move = await cells.tenantToMove("blind", 2);
    await sparingNeighbours(
      move,
      async (throttle) => {
        await asCellRole(cells.source.secret, "admin", (client) =>
          client.query(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'millwright-move blind 1'",
          ),
        );
        await eventually("the copy goes slowest", async () => (await pieceMs(throttle!)) >= 195);
      },
      PROBE_EVERY_MS,
    );
  });
});
