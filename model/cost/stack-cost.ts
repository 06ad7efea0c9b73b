import { environmentCost, useCost, type StandingTenant } from "./environment-cost.ts";
import { usdOf } from "./money.ts";
import { quoteTenant, type QuoteBasis, type QuotedTenant } from "./quote.ts";
import type { MonthlyUsage } from "./usage.ts";

/** What the gate adds to what the resources of a tenant's stack cost. */
export interface CostBeside {
  /** The platform with its shared cells, and the other tenants' stacks and use. */
  readonly elsewhereUsdPerMonth: number;
  readonly useUsdPerMonth: number;
  /** Its part of what is shared: it is in `elsewhereUsdPerMonth`, too. */
  readonly shareUsdPerMonth: number;
}

/**
 * By the same prices, stacks and use as the tenant's quote and the environment's sum.
 * @param measured - what was metered of the tenant itself
 * @throws MillwrightError `price-missing`
 */
export function costBeside(
  basis: QuoteBasis,
  tenant: QuotedTenant,
  { others, measured }: { readonly others: readonly StandingTenant[]; readonly measured: MonthlyUsage },
): CostBeside {
  const elsewhere = environmentCost(basis, others);
  const { machines, tier, entrance = basis.entrance } = tenant;
  const itself = { machines, measured, ownDatabases: tier === "dedicated" ? 1 : 0 };
  return {
    elsewhereUsdPerMonth: usdOf(elsewhere.platform + elsewhere.tenants),
    useUsdPerMonth: usdOf(useCost({ ...basis, entrance }, [itself])),
    shareUsdPerMonth: usdOf(quoteTenant(basis, tenant).cost.share.expected),
  };
}
