import { expect } from "chai";
import fc from "fast-check";
import { rangesOf, type HourCount } from "../../model/move-range.ts";
import { seed } from "../support/seed.ts";

const HOUR_MS = 3_600_000;

const anyHours: fc.Arbitrary<HourCount[]> = fc
  .uniqueArray(fc.record({ hour: fc.nat(5_000), rowCount: fc.integer({ min: 1, max: 5_000 }) }), {
    selector: ({ hour }) => hour,
    maxLength: 60,
  })
  .map((hours) =>
    hours.sort((a, b) => a.hour - b.hour).map(({ hour, rowCount }) => ({ hourMs: hour * HOUR_MS, rowCount })),
  );

describe(`ranges of time (seed ${seed})`, () => {
  const check = (law: (hours: readonly HourCount[], maxRows: number) => void) =>
    fc.assert(fc.property(anyHours, fc.integer({ min: 1, max: 10_000 }), law), { seed });

  it("cover all of time once, without gaps", () => {
    check((hours, maxRows) => {
      const ranges = rangesOf(hours, maxRows);
      expect(ranges.length > 0).to.equal(hours.length > 0);
      expect(ranges[0]?.fromMs ?? -Infinity).to.equal(-Infinity);
      expect(ranges.at(-1)?.toMs ?? Infinity).to.equal(Infinity);
      for (const [index, { fromMs, toMs }] of ranges.entries()) {
        expect(fromMs).to.be.lessThan(toMs);
        if (index > 0) expect(fromMs).to.equal(ranges[index - 1]?.toMs);
      }
    });
  });

  it("hold as many rows as were counted, none too many", () => {
    check((hours, maxRows) => {
      const ranges = rangesOf(hours, maxRows);
      for (const { rowCount } of ranges) expect(rowCount).to.be.at.most(maxRows);
      const counted = hours.reduce((sum, { rowCount }) => sum + rowCount, 0);
      const planned = ranges.reduce((sum, { rowCount }) => sum + rowCount, 0);
      // slices of an hour are counted by the share, rounded up
      expect(planned).to.be.within(counted, counted + ranges.length);
    });
  });

  it("are no more than they must be", () => {
    check((hours, maxRows) => {
      const ranges = rangesOf(hours, maxRows);
      // two neighbours that would fit into one would be one, but for slices of one hour
      for (const [index, { fromMs, rowCount }] of ranges.entries()) {
        const next = ranges[index + 1];
        if (next === undefined || next.fromMs % HOUR_MS !== 0 || fromMs % HOUR_MS !== 0) continue;
        const ofNextHour = hours.find(({ hourMs }) => hourMs === next.fromMs)?.rowCount ?? 0;
        expect(rowCount + ofNextHour).to.be.greaterThan(maxRows);
      }
    });
  });
});
