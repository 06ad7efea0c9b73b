import { expect } from "chai";
import { isFullRun } from "../../support/faults.ts";
import { hasCode } from "../../../model/errors.ts";
import { skipBecause } from "../../support/skip.ts";
import { isSeedGiven, seed } from "../../support/seed.ts";
import { DataPlane } from "../../support/data-plane/plane.ts";
import { faultRun } from "../../support/data-plane/run.ts";

/** A seed that is given replays its one run; `npm run faults` makes 300 and a test run a sample of them. */
const RUNS = isSeedGiven ? 1 : isFullRun ? 300 : 3;

for (const kind of ["PostgreSQL", "TimescaleDB"] as const) {
  describe(`exactly once on ${kind}, whatever dies (seeds ${seed} to ${seed + RUNS - 1})`, function () {
    this.timeout(4 * 3_600_000);
    let plane: DataPlane | undefined;
    before(async function () {
      try {
        plane = await DataPlane.start({ cellKind: kind });
      } catch (error) {
        if (!hasCode(error, "service-missing")) throw error;
        skipBecause(this, "timescaledb", error.message);
      }
    });
    after(() => plane?.close());

    it(`loses and doubles no reading and no alert in ${RUNS} runs`, async () => {
      for (let run = 0; run < RUNS; run++) {
        const startedAt = performance.now();
        const { plan, findings, recordCount, rowCount, alertCount } = await faultRun(plane!, seed + run);
        const faults = plan
          .map(({ kind, atMs, lastsMs }) => `${kind} at ${atMs} for ${lastsMs} ms`)
          .join(", ");
        const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
        const counts = `${recordCount} records, ${rowCount} rows, ${alertCount} alerts`;
        console.error(`    run ${run + 1}/${RUNS} seed ${seed + run}: ${faults}; ${counts}, ${seconds} s`);
        expect(findings, `npm run faults -- ingest --seed ${seed + run} replays it`).to.deep.equal([]);
      }
    });
  });
}
