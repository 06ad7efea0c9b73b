import { expect } from "chai";
import fc from "fast-check";
import { hasCode } from "../../../model/errors.ts";
import { bookOf } from "../../../model/cost/price-books.ts";
import { NO_OTHERS, quoteTenant, type QuoteBasis, type QuotedTenant } from "../../../model/cost/quote.ts";
import { ENTRANCES } from "../../../model/cost/entrance.ts";
import { BYTES_PER_GB } from "../../../model/cost/usage-charges.ts";
import { TIERS } from "../../../model/tenant.ts";
import { seed } from "../../support/seed.ts";

const basis: QuoteBasis = {
  ...{ book: bookOf({ region: "us-east-1", date: "2026-11-22" }), preset: "production", entrance: "http" },
  ...{ plan: { places: 100, machinesPerPlace: 15 }, sharedCells: 1, others: NO_OTHERS, limits: {} },
};
const quote = (machines: number, more: Partial<QuotedTenant> = {}) =>
  quoteTenant(basis, { tier: "shared", machines, assumptions: {}, ...more });
const usdOf = ({ cost }: ReturnType<typeof quote>, price: string) =>
  cost.own.filter((line) => line.price === price).reduce((sum, { amount }) => sum + amount.expected, 0) / 1e6;

describe(`a quote (seed ${seed})`, () => {
  it("has volumes of which no more than four fifths are filled, and no step more than that takes", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 250_000 }), (machines) => {
        const { cost, usage } = quote(machines, { tier: "dedicated" });
        const more = cost.own.find(({ of }) => of === "data volumes");
        const volumeGb = 1_000 + (more?.quantity.expected ?? 0) / 2;
        const storedGb = usage.storageBytes / BYTES_PER_GB;
        expect(storedGb).to.be.at.most(volumeGb * 0.8);
        if (more !== undefined) expect(storedGb).to.be.above((volumeGb - 100) * 0.8);
      }),
      { seed },
    );
  });

  it("never falls with more machines, nor in its first year, which ends below what it comes to in the end", () => {
    const machines = fc.integer({ min: 1, max: 30_000 });
    fc.assert(
      fc.property(
        ...[machines, machines, fc.constantFrom(...TIERS), fc.constantFrom(...ENTRANCES)],
        (one, other, tier, entrance) => {
          const [few, many] = [Math.min(one, other), Math.max(one, other)].map((count) =>
            quote(count, { tier, entrance }),
          );
          const figures = [
            ...(few?.growth ?? []).map(({ expected }) => expected),
            few?.cost.total.expected ?? NaN,
          ];
          expect(figures).to.deep.equal(figures.toSorted((a, b) => a - b));
          expect(many?.cost.total.expected).to.be.at.least(few?.cost.total.expected ?? NaN);
        },
      ),
      { seed, numRuns: 50 },
    );
  });

  it("has a shared database more where one does not hold what is stored, and says that no tenant has two", () => {
    const wholeOf = (machines: number) =>
      quote(machines).cost.shared.find(({ component }) => component === "time-series")?.whole.expected;
    // 7 days of 86,400 rows of 250 bytes and 23 of 25: 0.187 GB a machine, and 1,600 of 2,000 GB.
    const one = wholeOf(8_500) ?? NaN;
    expect(wholeOf(8_600)).to.equal(2 * one);
    expect(quote(8_500).shortfalls.shared).to.equal(undefined);
    expect(quote(8_600).shortfalls).to.deep.equal({
      shared: "It stores 1,609 GB, and the largest shared database has room for 1,600.",
      dedicated: undefined,
    });
    expect(quote(250_000, { assumptions: { hotDays: 1 } }).shortfalls.dedicated).to.match(
      /250,000 readings a second, and r6g\.xlarge stores 200,000/,
    );
  });

  it("says that a database of its own is needed for what is stored, by the trigger or by its room", () => {
    const necessary = (storageGb?: number) =>
      quoteTenant({ ...basis, limits: { ingestedGbPerDay: 1_000, storageGb } }, quote(1).tenant)
        .dedicatedNecessaryFrom;
    expect(necessary(100)).to.deep.equal({ machines: 535, because: "GB stored above 100" });
    expect(necessary()?.because).to.equal("GB stored above 1600");
  });

  it("has what IoT Core takes, of machines that come by it, and no calls of the API for their readings", () => {
    const [byApi, byIot] = ENTRANCES.map((entrance) => quote(15, { entrance }));
    // 15 machines, 2,628,000 seconds, 1 USD a million; and 43,800 minutes at 0.08 a million.
    expect(usdOf(byIot!, "iot/messages")).to.be.closeTo(39.42, 1e-6);
    expect(usdOf(byIot!, "iot/connection-minutes")).to.be.closeTo(15 * 0.003_504, 1e-6);
    expect(usdOf(byApi!, "iot/messages")).to.equal(0);
    const calls = usdOf(byApi!, "api-gateway/rest-requests") - usdOf(byIot!, "api-gateway/rest-requests");
    expect(calls).to.be.closeTo((39.42 / 50) * 3.5, 1e-6);
    expect(byIot!.gaps.join(" ")).to.match(
      /On bills all readings are calls of the API.*no bill: IoT Core's conn/,
    );
    expect(byApi!.gaps.join(" ")).to.not.match(/IoT/);
    expect(quoteTenant({ ...basis, entrance: "iot" }, quote(15).tenant).cost).to.deep.equal(byIot!.cost);
  });

  it("has messages to topics, where some are assumed", () => {
    expect(usdOf(quote(15), "sns/publishes")).to.equal(0);
    expect(usdOf(quote(15_000, { assumptions: { topicPart: 0.5 } }), "sns/publishes")).to.be.closeTo(
      0.0375,
      1e-6,
    );
  });

  it("names every price that is missing at once", () => {
    const missing = (...keys: string[]) => {
      const prices = Object.entries(basis.book.prices).filter(([key]) => !keys.includes(key));
      const book = { ...basis.book, prices: Object.fromEntries(prices) };
      try {
        quoteTenant({ ...basis, book }, { ...quote(15).tenant, assumptions: { mailPart: 1 } });
      } catch (error) {
        if (hasCode(error, "price-missing"))
          return [...error.message.matchAll(/'([^']+)'/g)].map(([, key]) => key);
        throw error;
      }
      return [];
    };
    const keys = ["cloudwatch/dashboards", "nat/data", "ec2/instance/r6g.xlarge", "ebs/gp3-storage"];
    expect(missing(...keys)).to.have.members([...keys, "ses/recipients"]);
  });
});
