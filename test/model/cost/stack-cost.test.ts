import { expect } from "chai";
import { totalOf } from "../../../model/cost/cost-line.ts";
import { platformLines, tenantLines } from "../../../model/cost/materials.ts";
import { usdOf } from "../../../model/cost/money.ts";
import { HOURS_PER_MONTH } from "../../../model/cost/month.ts";
import { bookOf } from "../../../model/cost/price-books.ts";
import { NO_OTHERS, quoteTenant, type QuoteBasis } from "../../../model/cost/quote.ts";
import { NOBODY } from "../../../model/cost/share.ts";
import { costBeside } from "../../../model/cost/stack-cost.ts";

describe("costBeside", () => {
  const basis: QuoteBasis = {
    ...{ book: bookOf({ region: "us-east-1", date: "2026-11-22" }), preset: "production" },
    ...{ plan: { places: 100, machinesPerPlace: 15 }, sharedCells: 1, others: NO_OTHERS, limits: {} },
  };

  for (const tier of ["shared", "dedicated"] as const)
    it(`makes of a ${tier} tenant's stack what its quote says`, () => {
      const tenant = { tier, machines: 15, assumptions: {} };
      const { useUsdPerMonth, shareUsdPerMonth } = costBeside(basis, tenant);
      const stackUsd = usdOf(totalOf(tenantLines(basis.book, tier)).expected);
      const quotedUsd = usdOf(quoteTenant(basis, tenant).cost.total.expected);
      expect(stackUsd + useUsdPerMonth + shareUsdPerMonth).to.be.closeTo(quotedUsd, 0.000_01);
    });

  it("counts the platform and each other tenant's stack once", () => {
    const tenant = { tier: "shared", machines: 15, assumptions: {} } as const;
    const platformUsd = usdOf(totalOf(platformLines(basis.book, "production")).expected);
    expect(costBeside(basis, tenant).elsewhereUsdPerMonth).to.be.within(platformUsd, platformUsd + 1);

    const others = {
      all: { ...NOBODY, hours: 3 * HOURS_PER_MONTH },
      shared: { ...NOBODY, hours: HOURS_PER_MONTH },
    };
    const stacksUsd =
      usdOf(totalOf(tenantLines(basis.book, "shared")).expected) +
      2 * usdOf(totalOf(tenantLines(basis.book, "dedicated")).expected);
    expect(costBeside({ ...basis, others }, tenant).elsewhereUsdPerMonth).to.be.within(
      platformUsd + stacksUsd,
      platformUsd + stacksUsd + 1,
    );
  });
});
