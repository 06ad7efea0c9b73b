import type { Tier } from "./tenant.ts";

/**
 * USD a month by the list prices of database sizes in seed 000: a shared pair with its storage (1,000 + 200), and the
 * smaller database of a dedicated tenant. No bill: what is computed with them is marked `list-price`.
 */
export const LIST_PRICES = { sharedCellUsdPerMonth: 1_200, dedicatedUsdPerMonth: 500 } as const;

/**
 * What a tenant's database costs a month. A shared one is paid by as many tenants as its cell has room for, so that one
 * tenant's price does not change when another comes or goes.
 * @param dedicatedUsdPerMonth - of the triggers in force: the figure that budgets are held against
 */
export function listPriceUsdPerMonth(
  tier: Tier,
  {
    tenantCapacity,
    dedicatedUsdPerMonth,
  }: { readonly tenantCapacity: number; readonly dedicatedUsdPerMonth: number },
): number {
  if (tier === "dedicated") return dedicatedUsdPerMonth;
  return Math.round((LIST_PRICES.sharedCellUsdPerMonth / tenantCapacity) * 100) / 100;
}
