import { currentTriggers } from "../../data/catalog/trigger-config.ts";
import { triggerTenants } from "../../data/catalog/trigger-tenant.ts";
import type { Queryable } from "../../data/pool.ts";
import type { Tier } from "../../model/tenant.ts";
import type { TriggerConfig } from "../../model/trigger-config.ts";
import { replayTriggers, type ReplayResult } from "../../model/trigger-replay.ts";
import { quoteBasis, type PricedPlace } from "../cost/quote-basis.ts";
import { tierCosts } from "../cost/tier-costs.ts";
import { roomNow } from "./evaluate.ts";
import { readTriggerUsage } from "./read-usage.ts";
import { HOUR_MS } from "../../model/duration.ts";

interface ReplayDeps {
  /** Servers that dedicated databases can claim; undefined: databases are built. */
  readonly dedicatedServerCount: number | undefined;
  readonly pricedPlace: PricedPlace;
}

export interface ReplayRequest {
  /** Full hours, milliseconds since the epoch; `toMs` is exclusive. */
  readonly fromMs: number;
  readonly toMs: number;
  /** The triggers in force when left out. */
  readonly config?: TriggerConfig | undefined;
}

/**
 * What a trigger set would have decided over stored usage. Tenants, budgets, prices and room are those of today; tiers and
 * decisions those of the beginning.
 */
export async function replayStored(
  service: Queryable,
  { dedicatedServerCount, pricedPlace }: ReplayDeps,
  { fromMs, toMs, config: given }: ReplayRequest,
): Promise<ReplayResult> {
  const config = given ?? (await currentTriggers(service)).triggers;
  // A tier that was changed later was the other one then (or what the next decision found, where it changed more than
  // once), since an instant that nobody wrote down.
  const found = (await triggerTenants(service, new Date(fromMs))).map((one) => {
    const isLater = one.hasChangedTier && one.tierSinceMs >= fromMs;
    const tier: Tier = isLater
      ? (one.tierThen ?? (one.tier === "shared" ? "dedicated" : "shared"))
      : one.tier;
    return { ...one, isLater, tier };
  });
  const hours = { config, fromMs, toMs, isReplay: true };
  const { firstHourMs, from, to, usage } = await readTriggerUsage(service, hours, found);

  const hourOf = (ms: number) => Math.floor((ms - firstHourMs) / HOUR_MS);
  const costsOf = tierCosts(await quoteBasis(service, pricedPlace, Date.now()));
  const tenants = found.map(({ tenant, tier, budgetUsdPerMonth, last, isLater, ...one }) => ({
    costs: costsOf(one.machines),
    ...{ tenant, budgetUsdPerMonth, tier, usage: usage.get(tenant) ?? {} },
    tierSinceHour: isLater ? -Infinity : hourOf(one.tierSinceMs),
    hasChangedTier: one.hasChangedTier && !isLater,
    raised: last?.isRaised === true ? last.direction : undefined,
    decidedHour: last === undefined ? undefined : hourOf(last.hourMs),
  }));
  const room = await roomNow(service, dedicatedServerCount);
  return replayTriggers(config, tenants, { firstHourMs, from, to, room });
}
