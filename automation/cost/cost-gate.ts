import type { Queryable } from "../../data/pool.ts";
import { overEnvironmentBudget } from "../../model/cost/environment-cost.ts";
import type { Tier } from "../../model/tenant.ts";
import type { PolicyViolation } from "../engine/engine.ts";
import { environmentCostWith, type CostGate } from "./environment.ts";
import { tierCostsOf } from "./tier-costs.ts";

interface BudgetedTenant {
  readonly id: string;
  readonly tier: Tier;
  readonly machines: number;
  /** null: nobody has set one */
  readonly budgetUsdPerMonth: number | null;
}

/**
 * Holds a tenant that is to come, or to grow, against its own budget and the environment's. Only in a transaction that has the
 * environment's budget locked it is the truth; outside of one a look.
 * @throws MillwrightError `price-missing`, `price-book-missing`: what has no price does not pass
 */
export async function budgetViolations(
  service: Queryable,
  tenant: BudgetedTenant,
  { pricedPlace, environmentBudgetUsd }: CostGate,
): Promise<PolicyViolation[]> {
  const violations: PolicyViolation[] = [];
  const violate = (policy: string, message: string) =>
    violations.push({ policy, resource: "tenant", message });

  const { id, tier, machines, budgetUsdPerMonth } = tenant;
  if (budgetUsdPerMonth !== null) {
    const quotedUsd = (await tierCostsOf(service, pricedPlace, { tenant: id, machines }))[tier];
    if (quotedUsd > budgetUsdPerMonth)
      violate(
        "tenant-budget",
        `A ${tier} tenant with ${machines} machines would cost ${quotedUsd.toFixed(2)} USD a month; ` +
          `its budget is ${budgetUsdPerMonth}.`,
      );
  }
  const wanted = { id, machines, ownDatabases: tier === "dedicated" ? 1 : 0 };
  const cost = await environmentCostWith(service, pricedPlace, Date.now(), wanted);
  const over = overEnvironmentBudget(cost, environmentBudgetUsd);
  if (over !== undefined) violate("environment-budget", over);
  return violations;
}
