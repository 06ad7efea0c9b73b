import { expect } from "chai";
import fc from "fast-check";
import { measureChange, SAMPLES_PER_WINDOW, type Sample } from "../../model/rate.ts";
import { seed } from "../support/seed.ts";

const WINDOW_MS = 80;

/** The change at the last of all samples, each time read off all of them. */
function slowChange(all: readonly Sample[], isCounter: boolean): number | undefined {
  let kept: Sample[] = [];
  for (const [n, sample] of all.entries()) {
    const last = kept.at(-1);
    const isReset = isCounter && last !== undefined && sample.value < last.value;
    if (n === all.length - 1) {
      const old = isReset ? [] : kept.filter(({ timeMs }) => sample.timeMs - timeMs >= WINDOW_MS);
      const reference = old.at(-1);
      if (reference === undefined) return undefined;
      return ((sample.value - reference.value) / (sample.timeMs - reference.timeMs)) * WINDOW_MS;
    }
    if (isReset) kept = [sample];
    else if (last === undefined || sample.timeMs - last.timeMs >= WINDOW_MS / SAMPLES_PER_WINDOW)
      kept.push(sample);
  }
  return undefined;
}

const anySamples = fc
  .array(fc.record({ wait: fc.nat(40), value: fc.integer({ min: 0, max: 50 }) }), {
    minLength: 1,
    maxLength: 40,
  })
  .map((steps) => {
    let timeMs = 1_000;
    return steps.map(({ wait, value }): Sample => ({ timeMs: (timeMs += wait), value }));
  });

function changes(samples: readonly Sample[], isCounter: boolean) {
  let kept: readonly Sample[] = [];
  return samples.map((sample) => {
    const measured = measureChange(kept, WINDOW_MS, sample, isCounter);
    kept = measured.samples;
    return { ...measured, sample };
  });
}

describe(`change of a metric (seed ${seed})`, () => {
  it("is what a look at all samples says, and remembers few of them", () => {
    fc.assert(
      fc.property(anySamples, fc.boolean(), (samples, isCounter) => {
        for (const [n, { change, samples: kept }] of changes(samples, isCounter).entries()) {
          expect(change).to.equal(slowChange(samples.slice(0, n + 1), isCounter));
          expect(kept.length).to.be.at.most(SAMPLES_PER_WINDOW + 2);
        }
      }),
      { seed, numRuns: 500 },
    );
  });

  it("of a counter that is reset is never negative", () => {
    fc.assert(
      fc.property(anySamples, (samples) => {
        // A counter between its resets: it runs backwards nowhere else.
        let count = 0;
        const counting = samples.map(({ timeMs, value }) => ({
          timeMs,
          value: (count = value < 5 ? 0 : count + value),
        }));
        for (const { change } of changes(counting, true)) expect(change ?? 0).to.be.at.least(0);
      }),
      { seed, numRuns: 500 },
    );
  });

  it("of a steady climb is its slope, however the readings lie", () => {
    fc.assert(
      fc.property(anySamples, (samples) => {
        const climbing = samples.map(({ timeMs }) => ({ timeMs, value: timeMs / 4 }));
        for (const { change } of changes(climbing, false))
          expect(change ?? WINDOW_MS / 4).to.be.closeTo(20, 1e-9);
      }),
      { seed, numRuns: 200 },
    );
  });
});
