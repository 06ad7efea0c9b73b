import type { Queryable } from "../../data/pool.ts";
import type { Tier } from "../../model/tenant.ts";
import type { PolicyViolation } from "../engine/engine.ts";
import type { PricedPlace } from "./quote-basis.ts";
import { tierCostsOf } from "./tier-costs.ts";

interface BudgetedTenant {
  readonly id: string;
  readonly tier: Tier;
  readonly machines: number;
  /** null: nobody has set one */
  readonly budgetUsdPerMonth: number | null;
}

/**
 * Holds a tenant's quote against its budget.
 * @throws MillwrightError `price-missing`, `price-book-missing`: what has no price does not pass
 */
export async function budgetViolations(
  service: Queryable,
  tenant: BudgetedTenant,
  place: PricedPlace,
): Promise<PolicyViolation[]> {
  const { id, tier, machines, budgetUsdPerMonth } = tenant;
  const quotedUsd = (await tierCostsOf(service, place, { tenant: id, machines }))[tier];
  if (budgetUsdPerMonth === null || quotedUsd <= budgetUsdPerMonth) return [];
  const message =
    `A ${tier} tenant with ${machines} machines would cost ${quotedUsd.toFixed(2)} USD a month; ` +
    `its budget is ${budgetUsdPerMonth}.`;
  return [{ policy: "tenant-budget", resource: "tenant", message }];
}
