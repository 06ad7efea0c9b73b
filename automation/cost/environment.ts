import { listCells } from "../../data/catalog/cell.ts";
import { standingTenants } from "../../data/catalog/standing-tenant.ts";
import type { Queryable } from "../../data/pool.ts";
import {
  environmentCost,
  type EnvironmentCost,
  type StandingTenant,
} from "../../model/cost/environment-cost.ts";
import { bookOf } from "../../model/cost/price-books.ts";
import { NO_USAGE } from "../../model/cost/usage.ts";
import { DAY_MS } from "../../model/duration.ts";
import { startOf } from "../../model/usage.ts";
import { LOOKED_BACK_DAYS, type PricedPlace } from "./quote-basis.ts";

/** What the gates hold costs against. */
export interface CostGate {
  readonly pricedPlace: PricedPlace;
  /** What all stacks of the environment may cost together in a month, use included. */
  readonly environmentBudgetUsd: number;
}

/** A tenant as somebody wants it to be. */
interface WantedTenant extends Omit<StandingTenant, "measured"> {
  readonly id: string;
}

/** What use was metered of is looked at for as long as a quote looks. */
export function standingNow(service: Queryable, nowMs: number): Promise<Map<string, StandingTenant>> {
  return standingTenants(service, {
    fromMs: startOf("day", nowMs) + DAY_MS - LOOKED_BACK_DAYS * DAY_MS,
    nowMs,
  });
}

/**
 * What the environment costs once all that was accepted is done, and `wanted` too.
 * @throws MillwrightError `price-missing`, `price-book-missing`: what has no price passes no gate
 */
export async function environmentCostWith(
  service: Queryable,
  { region, preset, entrance }: PricedPlace,
  nowMs: number,
  wanted?: WantedTenant,
): Promise<EnvironmentCost> {
  const tenants = await standingNow(service, nowMs);
  const cells = await listCells(service);
  if (wanted !== undefined) {
    const { id, machines, ownDatabases } = wanted;
    const there = tenants.get(id) ?? NOT_THERE;
    tenants.set(id, {
      machines: Math.max(there.machines, machines),
      ownDatabases: Math.max(there.ownDatabases, ownDatabases),
      measured: there.measured,
    });
  }
  const book = bookOf({ region, date: new Date(nowMs).toISOString().slice(0, 10) });
  const sharedCells = cells.filter(({ tier }) => tier === "shared").length;
  return environmentCost({ book, preset, entrance, sharedCells }, [...tenants.values()]);
}

const NOT_THERE: StandingTenant = { machines: 0, ownDatabases: 0, measured: NO_USAGE };

/**
 * Until the transaction ends nobody else is let in: what was added up before is still the truth when the operation is there. Taken
 * last of a transaction's locks.
 */
export async function lockEnvironmentBudget(tx: Queryable): Promise<void> {
  await tx.query("select pg_advisory_xact_lock(hashtext('millwright.environment-budget'))");
}
