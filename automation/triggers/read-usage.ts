import { readUsageHours, readUsageSums } from "../../data/catalog/usage-hours.ts";
import type { TriggerTenant } from "../../data/catalog/trigger-tenant.ts";
import type { Queryable } from "../../data/pool.ts";
import type { TenantId } from "../../model/tenant.ts";
import { TRIGGER_METRICS, type TriggerConfig } from "../../model/trigger-config.ts";
import {
  METRIC_COLUMNS,
  SUMMED_COLUMNS,
  type Direction,
  type UsageColumn,
  type UsageHours,
} from "../../model/trigger.ts";
import { HOUR_MS } from "../../model/duration.ts";

/** Hours to judge by a trigger set, milliseconds since the epoch; the last one may be open. */
export interface JudgedHours {
  readonly config: TriggerConfig;
  readonly fromMs: number;
  /** Exclusive. */
  readonly toMs: number;
  /** A replay moves tenants on its way, so each may need what either direction looks at. */
  readonly isReplay: boolean;
}

export interface TriggerUsage {
  /** Start of hour 0 of every column. */
  readonly firstHourMs: number;
  /** The hours to judge, as indexes: from `from`, before `to`. What lies before is history for the windows. */
  readonly from: number;
  readonly to: number;
  readonly usage: ReadonlyMap<TenantId, UsageHours>;
}

/**
 * Reads what the judgement needs and no more: the windows of the way back are long, but only dedicated tenants have them,
 * and only when an hour has closed.
 */
export async function readTriggerUsage(
  service: Queryable,
  { config, fromMs, toMs, isReplay }: JudgedHours,
  tenants: readonly Pick<TriggerTenant, "tenant" | "tier">[],
): Promise<TriggerUsage> {
  const [up, down] = [windowsOf(config, "upgrade"), windowsOf(config, "downgrade")];
  const from = Math.max(0, ...up.values(), ...down.values());
  const count = (toMs - fromMs) / HOUR_MS;
  const range = { firstHourMs: fromMs - from * HOUR_MS, hourCount: from + count };
  const everyones = isReplay ? longerOf(up, new Map([...down.keys()].map((column) => [column, 0]))) : up;
  // Most minutes judge the open hour again: of what is summed, one number is enough.
  const isSummed = ([column]: readonly [UsageColumn, number]) => count === 1 && SUMMED_COLUMNS.has(column);
  const asked = [...everyones];
  const byHour = widened(new Map(asked.filter((one) => !isSummed(one))), count);
  const usage = new Map(await readUsageHours(service, range, byHour));
  for (const [tenant, sums] of await readUsageSums(service, range, new Map(asked.filter(isSummed))))
    usage.set(tenant, { ...usage.get(tenant), ...sums });
  const dedicated = tenants.filter(({ tier }) => tier === "dedicated").map(({ tenant }) => tenant);
  if (dedicated.length > 0 && (isReplay || count > 1)) {
    const theirs = await readUsageHours(service, range, widened(longerOf(up, down), count), dedicated);
    for (const [tenant, hours] of theirs) usage.set(tenant, hours);
  }
  return { firstHourMs: range.firstHourMs, from, to: range.hourCount, usage };
}

type Windows = ReadonlyMap<UsageColumn, number>;

/** How many hours back each column is needed to judge one hour. Metrics without a rule cost nothing. */
function windowsOf(config: TriggerConfig, direction: Direction): Windows {
  const windows = new Map<UsageColumn, number>();
  const { mode, rules } = config[direction];
  if (mode === "off") return windows;
  for (const metric of TRIGGER_METRICS) {
    const rule = rules[metric];
    if (rule === undefined) continue;
    for (const column of METRIC_COLUMNS[metric])
      windows.set(column, Math.max(windows.get(column) ?? 0, rule.windowHours));
  }
  return windows;
}

function longerOf(one: Windows, other: Windows): Windows {
  return new Map(
    [...one, ...other].map(([column]) => [column, Math.max(one.get(column) ?? 0, other.get(column) ?? 0)]),
  );
}

function widened(windows: Windows, count: number): Windows {
  return new Map([...windows].map(([column, hours]) => [column, hours + count]));
}
