import { expect } from "chai";
import fc from "fast-check";
import { assumedUsage, NO_USAGE, scaleUsage, type MonthlyUsage } from "../../../model/cost/usage.ts";
import { ENTRANCES } from "../../../model/cost/entrance.ts";
import { usageCharges } from "../../../model/cost/usage-charges.ts";
import { seed } from "../../support/seed.ts";

const amount = fc.double({ min: 0, max: 1e13, noNaN: true });
const usage = fc.record(
  Object.fromEntries(Object.keys(NO_USAGE).map((key) => [key, amount])),
) as fc.Arbitrary<MonthlyUsage>;

for (const entrance of ENTRANCES) {
  const place = { preset: "production", entrance } as const;
  describe(`charges of use, readings by ${entrance} (seed ${seed})`, () => {
    it("never fall when any use rises", () => {
      fc.assert(
        fc.property(usage, fc.constantFrom(...Object.keys(NO_USAGE)), amount, (used, key, more) => {
          const before = usageCharges(used, place);
          const after = usageCharges({ ...used, [key]: used[key as keyof MonthlyUsage] + more }, place);
          after.forEach(({ price, quantity }, index) => {
            for (const figure of ["low", "expected", "high"] as const)
              expect(quantity[figure], `${price} ${figure}`).to.be.at.least(
                before[index]?.quantity[figure] ?? NaN,
              );
          });
        }),
        { seed },
      );
    });

    it("lie in order: low, expected, high", () => {
      fc.assert(
        fc.property(usage, (used) => {
          for (const { quantity } of usageCharges(used, place))
            expect(quantity.low <= quantity.expected && quantity.expected <= quantity.high).to.equal(true);
        }),
        { seed },
      );
    });

    it("are the same for a customer of twice as many machines, as for twice the use", () => {
      const [one, two] = [assumedUsage(15), assumedUsage(30)];
      expect(two.readings).to.equal(scaleUsage(one, 2).readings);
      expect(two.storageBytes).to.equal(scaleUsage(one, 2).storageBytes);
    });

    it("refuse use that is negative or no number", () => {
      for (const wrong of [-1, NaN, Infinity])
        expect(() => usageCharges({ ...NO_USAGE, readings: wrong }, place)).to.throw(/cannot be charged/);
    });
  });
}
