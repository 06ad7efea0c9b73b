import { expect } from "chai";
import { OPERATION_STEPS } from "../../model/operation.ts";
import { canMountDisk } from "../support/data-plane/database-server.ts";
import { MOVE_FAULTS, moveRun, type MovePlane, type MovePoint } from "../support/data-plane/move-run.ts";
import { DataPlane } from "../support/data-plane/plane.ts";
import { faultSample, isFullRun } from "../support/faults.ts";
import { randomFrom, seed } from "../support/seed.ts";

/** What a step of the move does in each of its phases, beside each fault. */
const POINTS: readonly MovePoint[] = OPERATION_STEPS.move.flatMap((step) =>
  (["before", "inside", "after"] as const).flatMap((phase) =>
    MOVE_FAULTS.filter((fault) => canMountDisk || !fault.includes("disk")).map((fault) => ({
      ...{ step, phase, fault },
    })),
  ),
);
const SAMPLE = 4;
/** Some 2,000 readings a second in a full run. */
const OPTIONS = isFullRun ? { pauseMs: 5, standsStillMs: 30_000 } : { pauseMs: 20, standsStillMs: 2_000 };

describe(`a tenant that moves while something breaks (seed ${seed})`, function () {
  this.timeout(isFullRun ? 12 * 3_600_000 : 300_000);
  let movePlane: MovePlane;
  before(async () => {
    const plane = await DataPlane.start();
    movePlane = { plane, target: await plane.addCell("cell-2", "PostgreSQL") };
  });
  after(async () => {
    await movePlane.target.server.remove();
    await movePlane.plane.close();
  });

  for (const [index, point] of faultSample(POINTS, SAMPLE).entries()) {
    const { step, phase, fault } = point;
    it(`has moved or has not, and lost and doubled nothing: ${fault} ${phase} ${step}`, async () => {
      const random = randomFrom(seed + index);
      const { findings } = await moveRun(movePlane, `move-${index}`, point, random, OPTIONS);
      expect(findings).to.deep.equal([]);
    });
  }
});
