import { expect } from "chai";
import fc from "fast-check";
import { quotaNeeds } from "../../../model/cost/account-quotas.ts";
import { totalOf, type CostLine } from "../../../model/cost/cost-line.ts";
import { microUsd, usdOf } from "../../../model/cost/money.ts";
import { bookOf } from "../../../model/cost/price-books.ts";
import {
  assumptionsOf,
  DEFAULT_ASSUMPTIONS,
  DEFAULT_TENANT_COUNTS,
  project,
} from "../../../model/cost/projection.ts";
import { exactly } from "../../../model/cost/range.ts";
import { costOfScale, needsOf, type Scale } from "../../../model/cost/scale.ts";

const book = bookOf({ region: "us-east-1", date: "2026-11-22" });

/** 1,000 USD, and 100 more for each tenant. */
const straight = (tenants: number): CostLine[] => [
  {
    ...{ component: "api", price: "a/b", of: "test", unit: "hour", isVerified: true },
    ...{ quantity: exactly(1), amount: exactly(microUsd(1_000 + 100 * tenants)) },
  },
];
const business = {
  ...{ priceUsdPerTenant: 300, labourUsdPerMonth: 500, investmentUsd: 2_000 },
  ...{ firstTenants: 10, tenantsPerMonth: 0, horizonMonths: 12, machinesPerTenant: 15 },
};

describe("a projection", () => {
  const projection = project(assumptionsOf(business), [10, 3, 10], straight);

  it("prices each number of tenants once, in order", () => {
    expect(projection.points.map(({ tenants, totalUsd }) => [tenants, totalUsd.expected])).to.deep.equal([
      [3, 1_300],
      [10, 2_000],
    ]);
    const [, ten] = projection.points;
    expect(ten?.usdPerTenant.expected).to.equal(200);
    expect(ten?.usdPerMachine.expected).to.be.closeTo(200 / 15, 1e-9);
    expect(ten?.marginalUsdPerTenant).to.equal(100);
    expect(ten?.resultUsd.expected).to.equal(10 * 300 - 500 - 2_000);
  });

  it("finds the first number of tenants that pays for cloud and people", () => {
    // 300 n = 1,500 + 100 n at 7.5
    expect(projection.breakEven.tenants).to.equal(8);
  });

  it("finds the month in which an investment has come back, and what it returns", () => {
    // 500 a month: 2,000 after 4 months, 6,000 after 12
    expect(projection.breakEven.paidBackInMonth).to.equal(4);
    expect(projection.returnOnInvestment).to.deep.equal({ resultUsd: 6_000, tenantsAtEnd: 10, ratio: 2 });
  });

  it("has no break-even where the price is below what a tenant adds, and no ratio without an investment", () => {
    const given = assumptionsOf({ ...business, priceUsdPerTenant: 90, investmentUsd: 0 });
    const { breakEven, returnOnInvestment } = project(given, [3], straight);
    expect(breakEven).to.deep.equal({ tenants: null, tenantsAtHighCost: null, paidBackInMonth: null });
    expect(returnOnInvestment.ratio).to.equal(null);
  });

  it("counts tenants that come", () => {
    const given = assumptionsOf({ ...business, firstTenants: 3, tenantsPerMonth: 0.5, horizonMonths: 4 });
    // 3, 3, 4, 4 tenants: 200 n - 1,500 each
    const { resultUsd, tenantsAtEnd } = project(given, [3], straight).returnOnInvestment;
    expect([resultUsd, tenantsAtEnd]).to.deep.equal([200 * 14 - 4 * 1_500, 4]);
  });

  it("says where each default is from", () => {
    for (const { from } of Object.values(DEFAULT_ASSUMPTIONS)) expect(from).to.have.length.above(10);
    expect(assumptionsOf({ priceUsdPerTenant: 1_200 })).to.deep.include({
      priceUsdPerTenant: 1_200,
      investmentUsd: 250_000,
    });
  });
});

const anyScale: fc.Arbitrary<Scale> = fc.record({
  preset: fc.constantFrom("development", "production"),
  machinesPerTenant: fc.integer({ min: 1, max: 500 }),
  tenantsPerCell: fc.integer({ min: 1, max: 300 }),
  dedicatedTenants: fc.integer({ min: 0, max: 5 }),
  isolatedApis: fc.integer({ min: 0, max: 5 }),
  topic: fc.constantFrom("own", "shared"),
});
const anyCount = fc.integer({ min: 1, max: 1_500 });

describe("the cost of a platform with many tenants", () => {
  it("never falls when a tenant comes", () => {
    fc.assert(
      fc.property(anyScale, anyCount, (scale, tenants) => {
        const costOf = costOfScale(book, scale);
        const [fewer, more] = [totalOf(costOf(tenants)), totalOf(costOf(tenants + 1))];
        expect(more.low).to.be.at.least(fewer.low);
        expect(more.expected).to.be.at.least(fewer.expected);
        expect(more.high).to.be.at.least(fewer.high);
      }),
      { numRuns: 60 },
    );
  });

  it("is the sum of its components, and lies in its range", () => {
    fc.assert(
      fc.property(anyScale, anyCount, (scale, tenants) => {
        const costOf = costOfScale(book, scale);
        const [point] = project(assumptionsOf(scale), [tenants], costOf).points;
        const parts = Object.values(point?.usdByComponent ?? {}).reduce(
          (sum, { expected }) => sum + expected,
          0,
        );
        expect(parts).to.be.closeTo(usdOf(totalOf(costOf(tenants)).expected), 1e-6);
        expect(point?.totalUsd.low).to.be.at.most(point?.totalUsd.expected ?? 0);
        expect(point?.totalUsd.expected).to.be.at.most(point?.totalUsd.high ?? 0);
      }),
      { numRuns: 60 },
    );
  });

  it("has room for all", () => {
    fc.assert(
      fc.property(anyScale, anyCount, (scale, tenants) => {
        const needs = needsOf(scale, tenants);
        expect(needs.cells * scale.tenantsPerCell).to.be.at.least(needs.sharedTenants);
        expect(needs.sharedTenants + needs.dedicatedTenants).to.equal(tenants);
        expect(needs.brokers % 3).to.equal(0);
      }),
    );
  });

  it("stays under 50,000 USD a month for 3 to 1,000 tenants with 15 machines each", () => {
    const assumptions = assumptionsOf({});
    const { points } = project(assumptions, DEFAULT_TENANT_COUNTS, costOfScale(book, assumptions));
    expect(points.map(({ isWithinBudget }) => isWithinBudget)).to.deep.equal([true, true, true, true, true]);
    expect(points.map(({ needs }) => [needs.cells, needs.brokers])).to.deep.equal([
      ...[[1, 3], [1, 3], [1, 3], [1, 3]], // prettier-ignore
      [10, 9], // 9,000 replicas of partitions, of which a broker takes 1,000
    ]);
  });

  it("needs six brokers and not nine, and few executions, where a thousand tenants share a topic", () => {
    const scale = assumptionsOf({ topic: "shared" });
    const needs = needsOf(scale, 1_000);
    expect(needs.brokers).to.equal(6);
    const lambda = quotaNeeds(scale, 1_000, needs).find(({ quotaCode }) => quotaCode === "L-B99A9384");
    expect(lambda?.isMet).to.equal(true);
    const own = quotaNeeds({ ...scale, topic: "own" }, 1_000, needs);
    expect(own.filter(({ isMet }) => !isMet).map(({ quotaCode }) => quotaCode)).to.deep.equal([
      "L-1216C47A",
      "L-B99A9384",
    ]);
  });

  it("names the quota of VPCs from the fourth isolated API on", () => {
    const met = (isolatedApis: number) => {
      const scale = assumptionsOf({ isolatedApis });
      return quotaNeeds(scale, 10, needsOf(scale, 10)).find(({ what }) => what === "VPCs")?.isMet;
    };
    expect([met(3), met(4)]).to.deep.equal([true, false]);
  });
});
