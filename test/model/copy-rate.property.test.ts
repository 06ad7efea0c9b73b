import { expect } from "chai";
import fc from "fast-check";
import { MIN_BYTES_PER_SECOND, nextRate } from "../../model/copy-rate.ts";

const anyMs = fc.double({ min: 0.1, max: 500, noNaN: true });
const anyLatency = fc.record({ insertP95Ms: anyMs, queryP95Ms: anyMs });
const anyRate = fc.double({ min: MIN_BYTES_PER_SECOND, max: 1e9, noNaN: true });
const anyReached = fc.double({ min: 0, max: 1e9, noNaN: true });

describe("nextRate", () => {
  it("never stops a copy, and slows down for whoever waits a tenth longer", () => {
    fc.assert(
      fc.property(anyRate, anyReached, anyLatency, anyLatency, (allowed, reached, usual, now) => {
        const rate = nextRate(allowed, reached, usual, now);
        expect(rate).to.be.at.least(MIN_BYTES_PER_SECOND);
        const isWorse = (["insertP95Ms", "queryP95Ms"] as const).some(
          (name) => now[name] > usual[name] * 1.1 + 1,
        );
        if (isWorse) expect(rate).to.be.at.most(Math.max(MIN_BYTES_PER_SECOND, allowed / 2));
      }),
    );
  });

  it("goes faster where nobody notices, but not ahead of what was tried", () => {
    fc.assert(
      fc.property(anyRate, anyLatency, (allowed, usual) => {
        expect(nextRate(allowed, allowed, usual, usual)).to.be.greaterThan(allowed);
        expect(nextRate(allowed, allowed / 3, usual, usual)).to.equal(allowed);
      }),
    );
  });

  it("falls to the least within some windows, and comes back", () => {
    const usual = { insertP95Ms: 4, queryP95Ms: 2 };
    const slow = { insertP95Ms: 4, queryP95Ms: 3 };
    let rate = 30_000_000;
    for (let window = 0; window < 5; window++) rate = nextRate(rate, rate, usual, slow);
    expect(rate).to.equal(MIN_BYTES_PER_SECOND);
    for (let window = 0; window < 29; window++) rate = nextRate(rate, rate, usual, usual);
    expect(rate).to.equal(30_000_000);
  });
});
