import { lineOf, totalOf } from "./cost-line.ts";
import { platformLines, tenantLines } from "./materials.ts";
import { usdOf, type MicroUsd } from "./money.ts";
import { HOURS_PER_MONTH } from "./month.ts";
import type { PriceBook } from "./price-book.ts";
import { quoteTenant, type QuoteBasis, type QuotedTenant } from "./quote.ts";
import { usageCharges } from "./usage-charges.ts";
import type { MonthlyUsage } from "./usage.ts";

/** What the gate adds to what the resources of a tenant's stack cost. */
export interface CostBeside {
  /** The platform with its shared cells, and the other tenants' stacks and use. */
  readonly elsewhereUsdPerMonth: number;
  readonly useUsdPerMonth: number;
  /** Its part of what is shared: it is in `elsewhereUsdPerMonth`, too. */
  readonly shareUsdPerMonth: number;
}

/** By the same prices, stacks and use as the tenant's quote. @throws MillwrightError `price-missing` */
export function costBeside(basis: QuoteBasis, tenant: QuotedTenant): CostBeside {
  const { book, preset, sharedCells, others } = basis;
  const { usage, cost } = quoteTenant(basis, tenant);
  const months = { shared: others.shared.hours, dedicated: others.all.hours - others.shared.hours };
  const stacks = (["shared", "dedicated"] as const).map(
    (tier) => (totalOf(tenantLines(book, tier)).expected * months[tier]) / HOURS_PER_MONTH,
  );
  const elsewhere = [
    totalOf(platformLines(book, preset, sharedCells)).expected,
    useCost(book, others.all.use),
    ...stacks,
  ].reduce((sum, amount) => sum + amount, 0);
  return {
    elsewhereUsdPerMonth: usdOf(Math.round(elsewhere)),
    useUsdPerMonth: usdOf(useCost(book, usage)),
    shareUsdPerMonth: usdOf(cost.share.expected),
  };
}

function useCost(book: PriceBook, usage: MonthlyUsage): MicroUsd {
  return totalOf(usageCharges(usage).map((charge) => lineOf(book, "use", charge))).expected;
}
