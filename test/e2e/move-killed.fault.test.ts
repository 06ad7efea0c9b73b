import { expect } from "chai";
import { isSlow, movePoints, type MovePlane } from "../support/data-plane/move-faults.ts";
import { moveRun } from "../support/data-plane/move-run.ts";
import { DataPlane } from "../support/data-plane/plane.ts";
import { faultSample, isFullRun } from "../support/faults.ts";
import { usesRealServices } from "../support/real-services.ts";
import { randomFrom, seed } from "../support/seed.ts";

const [pair, cellKind] = usesRealServices
  ? (["real", "TimescaleDB"] as const)
  : (["embedded", "PostgreSQL"] as const);
const POINTS = movePoints(pair);
const SAMPLE = 4;
const OPTIONS = { rowsPerSecond: 2_000, standsStillMs: isFullRun ? 30_000 : 2_000 };
/** Of thousands the comparison that mocha shows takes minutes, and helps nobody. */
const MAX_SHOWN = 30;

/** The same seed breaks the same at the same point, whichever others run: `--grep "#17 "` chooses one. */
describe(`a tenant that moves while something breaks (${pair} pair, seed ${seed})`, function () {
  this.timeout(isFullRun ? 12 * 3_600_000 : 300_000);
  let movePlane: MovePlane;
  before(async () => {
    const plane = await DataPlane.start({ pair });
    movePlane = { plane, target: await plane.addCell("cell-2", cellKind) };
  });
  after(async () => {
    await movePlane.target.server.remove();
    await movePlane.plane.close();
  });

  for (const point of faultSample(
    POINTS.filter((one) => isFullRun || !isSlow(one)),
    SAMPLE,
  )) {
    const { number, step, phase, fault } = point;
    const title = `#${number} ${fault} ${phase} ${step}`;
    it(`has moved or has not, and lost and doubled nothing: ${title}`, async () => {
      const startedAt = performance.now();
      const report = await moveRun(movePlane, `move-${number}`, point, randomFrom(seed + number), OPTIONS);
      const { outcome, endedAfterMs, rowCount, rowsPerSecond, readCount, findings } = report;
      const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;
      console.error(
        `    ${title}: ${outcome} ${seconds(endedAfterMs)} after the fault; ${rowCount} rows at ` +
          `${Math.round(rowsPerSecond)}/s, ${readCount} reads, ${findings.length} findings, ${seconds(performance.now() - startedAt)}`,
      );
      expect(findings.slice(0, MAX_SHOWN)).to.deep.equal([]);
    });
  }
});
