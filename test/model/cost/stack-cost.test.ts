import { expect } from "chai";
import { totalOf } from "../../../model/cost/cost-line.ts";
import { tenantLines } from "../../../model/cost/materials.ts";
import { usdOf } from "../../../model/cost/money.ts";
import { bookOf } from "../../../model/cost/price-books.ts";
import { NO_OTHERS, quoteTenant, type QuoteBasis } from "../../../model/cost/quote.ts";
import { environmentCost, useCost } from "../../../model/cost/environment-cost.ts";
import { costBeside } from "../../../model/cost/stack-cost.ts";
import { NO_USAGE } from "../../../model/cost/usage.ts";

describe("costBeside", () => {
  const basis: QuoteBasis = {
    ...{ book: bookOf({ region: "us-east-1", date: "2026-11-22" }), preset: "production", entrance: "http" },
    ...{ plan: { places: 100, machinesPerPlace: 15 }, sharedCells: 1, others: NO_OTHERS, limits: {} },
  };

  for (const [tier, machines, entrance] of [
    ["shared", 15, "http"],
    ["dedicated", 15, "iot"],
    ["dedicated", 20_000, "http"],
  ] as const)
    it(`makes of a ${tier} tenant's stack what its quote says, with ${machines} machines by ${entrance}`, () => {
      const tenant = { tier, machines, entrance, assumptions: {} };
      const { useUsdPerMonth, shareUsdPerMonth } = costBeside(basis, tenant, {
        others: [],
        measured: NO_USAGE,
      });
      const stackUsd = usdOf(totalOf(tenantLines(basis.book, tier)).expected);
      const quotedUsd = usdOf(quoteTenant(basis, tenant).cost.total.expected);
      expect(stackUsd + useUsdPerMonth + shareUsdPerMonth).to.be.closeTo(quotedUsd, 0.000_01);
    });

  it("holds all others against the environment, and of the tenant itself what it really uses", () => {
    const tenant = { tier: "shared", machines: 15, assumptions: {} } as const;
    const other = { machines: 40, ownDatabases: 1, measured: NO_USAGE };
    const { platform, tenants } = environmentCost(basis, [other, other]);
    const measured = { ...NO_USAGE, queries: 1e9 };
    const beside = costBeside(basis, tenant, { others: [other, other], measured });
    expect(beside.elsewhereUsdPerMonth).to.equal(usdOf(platform + tenants));
    expect(beside.useUsdPerMonth).to.equal(
      usdOf(useCost(basis, [{ machines: 15, measured, ownDatabases: 0 }])),
    );
    const quiet = costBeside(basis, tenant, { others: [], measured: NO_USAGE });
    expect(beside.useUsdPerMonth).to.be.above(quiet.useUsdPerMonth + 1_000);
  });
});
