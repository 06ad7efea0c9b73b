import { expect } from "chai";
import fc from "fast-check";
import { splitExactly } from "../../../model/cost/money.ts";
import { chargeOf, type Price } from "../../../model/cost/price-book.ts";
import { seed } from "../../support/seed.ts";

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const weights = fc.array(fc.double({ min: 0, max: 1e12, noNaN: true }), { minLength: 1, maxLength: 60 });

describe("money", () => {
  it("is split without losing or making a unit, whatever the weights", () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e12, max: 1e12 }), weights, (amount, parts) => {
        const shares = splitExactly(amount, parts);
        expect(sum(shares)).to.equal(amount);
        expect(shares.every((share) => Number.isInteger(share) && share * amount >= 0)).to.equal(true);
      }),
      { seed },
    );
  });

  it("gives nobody more than one unit away from the exact share", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e9 }), weights, (amount, parts) => {
        fc.pre(sum(parts) > 1e-6);
        const shares = splitExactly(amount, parts);
        shares.forEach((share, index) =>
          expect(Math.abs(share - (amount * parts[index]!) / sum(parts))).to.be.at.most(1.001),
        );
      }),
      { seed },
    );
  });

  it("gives the units left over to the largest remainders", () => {
    expect(splitExactly(100, [1, 1, 1])).to.deep.equal([34, 33, 33]);
    expect(splitExactly(10, [0.55, 0.25, 0.2])).to.deep.equal([6, 2, 2]);
    expect(splitExactly(5, [0, 0])).to.deep.equal([3, 2]);
    expect(() => splitExactly(1, [])).to.throw(RangeError);
  });
});

describe("a price in steps", () => {
  const price: Price = {
    ...{ unit: "GB", sku: null, source: "A", isVerified: true },
    steps: [
      { from: 0, usd: 0.09 },
      { from: 10_240, usd: 0.085 },
      { from: 51_200, usd: 0.07 },
    ],
  };

  it("charges each part of a quantity at its own step", () => {
    expect(chargeOf(price, 10_240)).to.equal(921_600_000);
    expect(chargeOf(price, 10_241)).to.equal(921_685_000);
    expect(chargeOf(price, 60_000)).to.equal(Math.round((921.6 + 40_960 * 0.085 + 8_800 * 0.07) * 1e6));
    expect(() => chargeOf(price, -1)).to.throw(RangeError);
    expect(() => chargeOf(price, NaN)).to.throw(RangeError);
  });

  it("costs never less for more", () => {
    const quantity = fc.double({ min: 0, max: 1e9, noNaN: true });
    fc.assert(
      fc.property(quantity, quantity, (a, b) => {
        expect(chargeOf(price, Math.min(a, b))).to.be.at.most(chargeOf(price, Math.max(a, b)));
      }),
      { seed },
    );
  });
});
