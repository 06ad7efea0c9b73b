import { expect } from "chai";
import { isFullRun } from "../../support/faults.ts";
import { hasCode } from "../../../model/errors.ts";
import { skipBecause } from "../../support/skip.ts";
import { isSeedGiven, seed } from "../../support/seed.ts";
import { DataPlane } from "../../support/data-plane/plane.ts";
import { faultRun } from "../../support/data-plane/run.ts";

/** Of hundreds the comparison that mocha shows takes minutes, and helps nobody. */
const MAX_SHOWN = 30;

const PAIRS = [
  { pair: "embedded", title: "the embedded log and PostgreSQL", fullRuns: 200, sampleRuns: 2 },
  { pair: "real", title: "Kafka and TimescaleDB", fullRuns: 100, sampleRuns: 2 },
] as const;

for (const { pair, title, fullRuns, sampleRuns } of PAIRS) {
  /** A seed that is given replays its one run; a test run makes a sample of what `npm run faults` makes. */
  const runs = isSeedGiven ? 1 : isFullRun ? fullRuns : sampleRuns;

  describe(`exactly once on ${title}, whatever dies (seeds ${seed} to ${seed + runs - 1})`, function () {
    this.timeout(4 * 3_600_000);
    let plane: DataPlane | undefined;
    before(async function () {
      try {
        plane = await DataPlane.start({ pair });
      } catch (error) {
        if (!hasCode(error, "service-missing")) throw error;
        skipBecause(this, "real-services", error.message);
      }
    });
    after(() => plane?.close());

    it(`loses and doubles no reading and no alert in ${runs} runs`, async () => {
      for (let run = 0; run < runs; run++) {
        const startedAt = performance.now();
        const { plan, findings, recordCount, rowCount, alertCount } = await faultRun(plane!, seed + run);
        const faults = plan
          .map(({ kind, atMs, lastsMs }) => `${kind} at ${atMs} for ${lastsMs} ms`)
          .join(", ");
        const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
        const counts = `${recordCount} records, ${rowCount} rows, ${alertCount} alerts`;
        console.error(`    run ${run + 1}/${runs} seed ${seed + run}: ${faults}; ${counts}, ${seconds} s`);
        const first = findings.slice(0, MAX_SHOWN);
        expect(first, `npm run faults -- ingest --seed ${seed + run} replays it`).to.deep.equal([]);
      }
    });
  });
}
