import type { Queryable } from "../../data/pool.ts";
import { MICRO_PER_CENT } from "../../model/cost/money.ts";
import { tierPricer, type QuoteBasis } from "../../model/cost/quote.ts";
import { TIERS, type Tier } from "../../model/tenant.ts";
import { quoteBasis, type PricedPlace } from "./quote-basis.ts";

/** USD a month, as a quote expects them, in whole cents. */
export type TierCosts = Readonly<Record<Tier, number>>;

/**
 * What a tenant costs on each tier: the figure of its quote, its budget, its moves and their receipts.
 * @throws MillwrightError `price-missing`, `price-book-missing`: what has no price passes no gate
 */
export async function tierCostsOf(
  service: Queryable,
  place: PricedPlace,
  { tenant, machines }: { readonly tenant: string; readonly machines: number },
): Promise<TierCosts> {
  return tierCosts(await quoteBasis(service, place, Date.now(), tenant))(machines);
}

/** The same of many tenants, on one basis: each stands among the others, itself included. */
export function tierCosts(basis: QuoteBasis): (machines: number) => TierCosts {
  const costOf = tierPricer(basis);
  const known = new Map<number, TierCosts>();
  return (machines) => {
    const found = known.get(machines);
    if (found !== undefined) return found;
    const cents = (tier: Tier) => Math.round(costOf(tier, machines).expected / MICRO_PER_CENT) / 100;
    const costs = Object.fromEntries(TIERS.map((tier) => [tier, cents(tier)])) as Record<Tier, number>;
    known.set(machines, costs);
    return costs;
  };
}
