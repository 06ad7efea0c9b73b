import { expect } from "chai";
import fc from "fast-check";
import { untilNightMs } from "../../../automation/drift/watch-drift.ts";
import { DAY_MS, HOUR_MS } from "../../../model/duration.ts";

describe("the time until the stacks are looked at", () => {
  it("ends once a day, at the hour and the jitter, and is never 0", () => {
    const anyNow = fc.integer({ min: Date.parse("2026-01-01"), max: Date.parse("2030-01-01") });
    const [anyHour, anyJitter] = [fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: HOUR_MS - 1 })];
    fc.assert(
      fc.property(anyNow, anyHour, anyJitter, (nowMs, hour, jitterMs) => {
        const waitMs = untilNightMs(nowMs, hour, jitterMs);
        expect(waitMs).to.be.within(1, DAY_MS);
        expect((nowMs + waitMs) % DAY_MS).to.equal((hour * HOUR_MS + jitterMs) % DAY_MS);
        expect(untilNightMs(nowMs + waitMs, hour, jitterMs)).to.equal(DAY_MS);
      }),
    );
  });
});
