import { expect } from "chai";
import fc from "fast-check";
import { meanPlaces, placedSpans, type PlacedSpan } from "../../../model/cost/placed-span.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const fromMs = Date.UTC(2026, 9, 1);
const october = { fromMs, toMs: fromMs + 31 * DAY_MS };
const hoursOf = (spans: readonly PlacedSpan[]) =>
  spans.reduce((sum, one) => sum + (one.places * (one.toMs - one.fromMs)) / HOUR_MS, 0);

/** Records one after the other that cover the month, each since some hour of it. */
const covering = fc
  .uniqueArray(fc.record({ hour: fc.integer({ min: 1, max: 743 }), places: fc.nat(500) }), {
    maxLength: 6,
    selector: ({ hour }) => hour,
  })
  .map((changes) => changes.toSorted((a, b) => a.hour - b.hour))
  .map((changes) => [{ hour: -100, places: 100 }, ...changes])
  .map((changes) =>
    changes.map(({ hour, places }, index): PlacedSpan => {
      const next = changes[index + 1]?.hour;
      const toMs = next === undefined ? Infinity : fromMs + next * HOUR_MS;
      return { fromMs: fromMs + hour * HOUR_MS, toMs, places };
    }),
  );

describe("the places of a bill's time", () => {
  it("are all of its time in whole days, without a gap, and as many place-hours as there were", () => {
    fc.assert(
      fc.property(covering, (known) => {
        const spans = placedSpans(october, known);
        expect([spans[0]?.fromMs, spans.at(-1)?.toMs]).to.deep.equal([october.fromMs, october.toMs]);
        for (const [index, { fromMs: begin, toMs, places }] of spans.entries()) {
          expect([begin % DAY_MS, toMs % DAY_MS, toMs > begin]).to.deep.equal([0, 0, true]);
          const next = spans[index + 1];
          expect(next?.fromMs ?? toMs).to.equal(toMs);
          expect(next?.places).to.not.equal(places);
        }
        const clipped = known.map((one) => ({
          ...one,
          fromMs: Math.max(one.fromMs, october.fromMs),
          toMs: Math.min(one.toMs, october.toMs),
        }));
        expect(hoursOf(spans)).to.be.closeTo(hoursOf(clipped), 1e-6);
        expect(meanPlaces(spans, october)).to.be.closeTo(hoursOf(clipped) / 744, 1e-9);
      }),
    );
  });

  it("are as they were before, or as they first were, where nobody wrote them down", () => {
    const day = (number: number) => fromMs + (number - 1) * DAY_MS;
    const known = [
      { fromMs: day(3), toMs: day(5), places: 100 },
      { fromMs: day(10), toMs: day(11) + 12 * HOUR_MS, places: 200 },
    ];
    expect(placedSpans(october, known)).to.deep.equal([
      { fromMs: day(1), toMs: day(10), places: 100 },
      { fromMs: day(10), toMs: day(32), places: 200 },
    ]);
    expect(placedSpans(october, [])).to.deep.equal([{ ...october, places: 0 }]);
  });

  it("end with the time that is over", () => {
    const noon = fromMs + 12 * HOUR_MS;
    const known = [
      { fromMs: 0, toMs: fromMs + 9 * HOUR_MS, places: 100 },
      { fromMs: fromMs + 9 * HOUR_MS, toMs: Infinity, places: 200 },
    ];
    expect(placedSpans({ fromMs, toMs: noon }, known)).to.deep.equal([{ fromMs, toMs: noon, places: 125 }]);
    expect(placedSpans({ fromMs, toMs: fromMs }, known)).to.deep.equal([]);
  });
});
