import { expect } from "chai";
import fc from "fast-check";
import {
  environmentCost,
  overEnvironmentBudget,
  type StandingTenant,
} from "../../../model/cost/environment-cost.ts";
import { platformLines, tenantLines } from "../../../model/cost/materials.ts";
import { totalOf } from "../../../model/cost/cost-line.ts";
import { usdOf } from "../../../model/cost/money.ts";
import { bookOf } from "../../../model/cost/price-books.ts";
import { NO_OTHERS, quoteTenant, type QuoteBasis } from "../../../model/cost/quote.ts";
import { addUsage, assumedUsage, NO_USAGE } from "../../../model/cost/usage.ts";

const basis: QuoteBasis = {
  ...{ book: bookOf({ region: "us-east-1", date: "2026-11-22" }), preset: "production", entrance: "http" },
  ...{ plan: { places: 100, machinesPerPlace: 15 }, sharedCells: 2, others: NO_OTHERS, limits: {} },
};
const tenantsUsd = (tenants: readonly StandingTenant[]) => usdOf(environmentCost(basis, tenants).tenants);
const anyTenant: fc.Arbitrary<StandingTenant> = fc.record({
  machines: fc.integer({ min: 0, max: 100_000 }),
  ownDatabases: fc.integer({ min: 0, max: 2 }),
  measured: fc.integer({ min: 0, max: 100_000 }).map((machines) => assumedUsage(machines)),
});

describe("what an environment costs", () => {
  it("is the platform, and of one tenant what its quote says that it adds", () => {
    for (const tier of ["shared", "dedicated"] as const) {
      const tenant = { machines: 15, ownDatabases: tier === "dedicated" ? 1 : 0, measured: NO_USAGE };
      const quoted = quoteTenant(basis, { tier, machines: 15, assumptions: {} }).cost.marginal.expected;
      expect(tenantsUsd([tenant])).to.be.closeTo(usdOf(quoted), 0.000_02);
    }
    const platform = totalOf(platformLines(basis.book, "production", 2)).expected;
    expect(environmentCost(basis, [])).to.deep.equal({ platform, tenants: 0 });
  });

  it("never falls by a tenant more, by machines more, by a database more, or by more use", () => {
    fc.assert(
      fc.property(fc.array(anyTenant, { maxLength: 6 }), anyTenant, (others, one) => {
        const withOne = tenantsUsd([...others, one]);
        expect(withOne).to.be.above(tenantsUsd(others));
        for (const more of [
          { ...one, machines: one.machines + 1 },
          { ...one, measured: addUsage(one.measured, assumedUsage(1)) },
        ])
          expect(tenantsUsd([...others, more])).to.be.at.least(withOne - 1e-4);
        const database = tenantsUsd([...others, { ...one, ownDatabases: one.ownDatabases + 1 }]) - withOne;
        const [shared, dedicated] = [
          totalOf(tenantLines(basis.book, "shared")),
          totalOf(tenantLines(basis.book, "dedicated")),
        ].map(({ expected }) => usdOf(expected)) as [number, number];
        // and what of its history the standard volumes do not hold
        expect(database).to.be.at.least((one.ownDatabases === 0 ? dedicated - shared : dedicated) - 1e-4);
      }),
    );
  });

  it("takes the greater of what was measured and what the machines are quoted for", () => {
    const of = (machines: number, measured: number) =>
      tenantsUsd([{ machines, ownDatabases: 0, measured: assumedUsage(measured) }]);
    expect(of(1_000, 0)).to.equal(of(1_000, 1_000));
    expect(of(0, 1_000)).to.equal(of(1_000, 1_000));
    expect(of(1_000, 2_000)).to.be.above(of(1_000, 1_000));
  });

  it("may be the budget to the micro-dollar, and nothing above it", () => {
    const cost = { platform: 1_200_000_000, tenants: 800_000_001 };
    expect(overEnvironmentBudget(cost, 2_000.000_001)).to.equal(undefined);
    const over = overEnvironmentBudget({ ...cost, tenants: 800_010_000 }, 2_000);
    expect(over).to.match(
      /2,000\.01 USD a month.*budget of 2,000\.00: 1,200\.00 the platform and 800\.01 all/,
    );
    expect(over).to.match(/fewer machines.*raise the budget \(MILLWRIGHT_ENVIRONMENT_BUDGET_USD/);
  });
});
