import type { Tier } from "./tenant.ts";
import { TRIGGER_METRICS, type TriggerConfig, type TriggerMetric } from "./trigger-config.ts";
import { HOUR_MS } from "./duration.ts";

/**
 * A trigger of one tenant is *at rest* until it fires: any limit of an upgrade is passed, or all limits of a downgrade are
 * kept, and the cool-down is over. Then it is *raised*, and fires no more. It comes to rest when its values have gone back
 * behind the limits by the hysteresis, or when the tenant's tier is another one. What becomes of the decision meanwhile
 * (started, refused, waiting at a gate) does not matter here: who said no is not asked again while nothing has changed.
 *
 * Time goes in hours of UTC. An hour that is still open can raise an upgrade, because what counts there only grows until
 * the hour's end; everything else is decided on closed hours. So a replay of the closed hours decides the same.
 */

/** What is known of one tenant by hour: 0 where there was none, the last known size where none was measured. */
export const USAGE_COLUMNS = [
  "byteCount",
  "heldQueriesPerMinute",
  "violationCount",
  "storageBytes",
  "queryMs",
  "cellQueryMs",
] as const;
export type UsageColumn = (typeof USAGE_COLUMNS)[number];

/** Values of successive hours; an hour before them is 0. A column is as long as its metric's window needs. */
export interface HourColumn {
  readonly firstHour: number;
  readonly values: Float64Array;
}

/** A column that is left out is 0 in each hour. */
export type UsageHours = Readonly<Partial<Record<UsageColumn, HourColumn>>>;

export const DIRECTIONS = ["upgrade", "downgrade"] as const;
export type Direction = (typeof DIRECTIONS)[number];

export function directionOf(tier: Tier): Direction {
  return tier === "shared" ? "upgrade" : "downgrade";
}

/** A value and the limit that it passed, or kept. */
export interface TriggerReason {
  readonly metric: TriggerMetric;
  readonly value: number;
  readonly limit: number;
  readonly windowHours: number;
}

export interface TriggerState {
  /** Undefined: at rest. */
  readonly raised: Direction | undefined;
  /** The hour of the last decision. */
  readonly decidedHour: number | undefined;
}

export interface JudgedTenant extends TriggerState {
  readonly tier: Tier;
  /** The hour since which it has had this tier, or was made. */
  readonly tierSinceHour: number;
  readonly hasChangedTier: boolean;
  readonly usage: UsageHours;
}

export type Judgement =
  | { readonly kind: "nothing" }
  | { readonly kind: "rest" }
  | { readonly kind: "fire"; readonly direction: Direction; readonly reasons: readonly TriggerReason[] };

const NOTHING: Judgement = { kind: "nothing" };
const REST: Judgement = { kind: "rest" };

const BYTES_PER_GB = 2 ** 30;
/** Below half a busy connection nobody's neighbour is noisy, whatever the shares. */
const IDLE_BUSY_CONNECTIONS = 0.5;

/** Columns that a metric is computed from. */
export const METRIC_COLUMNS: Readonly<Record<TriggerMetric, readonly UsageColumn[]>> = {
  ingestedGbPerDay: ["byteCount"],
  queriesPerSecond: ["heldQueriesPerMinute"],
  slaViolations: ["violationCount"],
  storageGb: ["storageBytes"],
  databaseTimeShare: ["queryMs", "cellQueryMs"],
};

/** Columns of which only the sum of a window counts. */
export const SUMMED_COLUMNS: ReadonlySet<UsageColumn> = new Set([
  "byteCount",
  "violationCount",
  "queryMs",
  "cellQueryMs",
]);

/** Whether a limit is passed by reaching it: seed 000 says "exceeds" of rates, and counts violations. */
const COUNTS_AT_LIMIT: ReadonlySet<TriggerMetric> = new Set(["slaViolations"]);
/** Neither only grows within an hour: a share falls when neighbours work, a size when old data goes. */
const ONLY_CLOSED: ReadonlySet<TriggerMetric> = new Set(["databaseTimeShare", "storageGb"]);

/** @param hour - index into the columns; @param isClosed - whether nothing can be added to it any more */
export function judge(
  config: TriggerConfig,
  tenant: JudgedTenant,
  hour: number,
  isClosed: boolean,
): Judgement {
  const direction = directionOf(tenant.tier);
  const { mode } = config[direction];
  if (tenant.raised !== undefined && (tenant.raised !== direction || mode === "off")) return REST;
  if (mode === "off") return NOTHING;
  if (tenant.raised !== undefined)
    return isClosed && hasGoneBack(config, direction, tenant.usage, hour) ? REST : NOTHING;
  if (isCooling(config, tenant, hour)) return NOTHING;
  const reasons =
    direction === "upgrade"
      ? upgradeReasons(config, tenant.usage, hour, isClosed)
      : downgradeReasons(config, tenant, hour, isClosed);
  return reasons.length === 0 ? NOTHING : { kind: "fire", direction, reasons };
}

/** How far beyond its limits a tenant is: 1 is at the limit. Decides who gets a place where there are too few. */
export function loadOf(config: TriggerConfig, usage: UsageHours, hour: number): number {
  return Math.max(0, ...valuesOf(config, "upgrade", usage, hour).map(({ value, limit }) => value / limit));
}

/** Values of all metrics that have a rule, over the windows that end with `hour`. */
function valuesOf(
  config: TriggerConfig,
  direction: Direction,
  usage: UsageHours,
  hour: number,
): readonly TriggerReason[] {
  return TRIGGER_METRICS.flatMap((metric) => {
    const rule = config[direction].rules[metric];
    if (rule === undefined) return [];
    return [{ metric, value: metricValue(metric, direction, usage, hour, rule.windowHours), ...rule }];
  });
}

function upgradeReasons(
  config: TriggerConfig,
  usage: UsageHours,
  hour: number,
  isClosed: boolean,
): readonly TriggerReason[] {
  return valuesOf(config, "upgrade", usage, hour).filter(
    ({ metric, value, limit }) =>
      (isClosed || !ONLY_CLOSED.has(metric)) &&
      (COUNTS_AT_LIMIT.has(metric) ? value >= limit : value > limit),
  );
}

function downgradeReasons(
  config: TriggerConfig,
  { usage, tierSinceHour }: JudgedTenant,
  hour: number,
  isClosed: boolean,
): readonly TriggerReason[] {
  if (!isClosed) return [];
  const values = valuesOf(config, "downgrade", usage, hour);
  // Too little history moves nobody: a tenant that has just come has used nothing yet.
  const isKnown = values.every(({ windowHours }) => hour - tierSinceHour >= windowHours);
  return isKnown && values.every(({ value, limit }) => value < limit) ? values : [];
}

function hasGoneBack(config: TriggerConfig, direction: Direction, usage: UsageHours, hour: number): boolean {
  const values = valuesOf(config, direction, usage, hour);
  return direction === "upgrade"
    ? values.every(({ value, limit }) => value < limit * (1 - config.hysteresis))
    : values.some(({ value, limit }) => value > limit * (1 + config.hysteresis));
}

function isCooling(
  { coolDownHours }: TriggerConfig,
  { decidedHour = -Infinity, tierSinceHour, hasChangedTier }: JudgedTenant,
  hour: number,
): boolean {
  return hour - Math.max(decidedHour, hasChangedTier ? tierSinceHour : -Infinity) < coolDownHours;
}

/**
 * A rate and a size that ask for an upgrade must hold in each hour of the window; those that allow a downgrade may not be
 * passed in any. Sums are of the whole window.
 */
function metricValue(
  metric: TriggerMetric,
  direction: Direction,
  usage: UsageHours,
  hour: number,
  windowHours: number,
): number {
  const sum = (column: UsageColumn) => sumOf(usage[column], hour, windowHours);
  const held = (column: UsageColumn) =>
    (direction === "upgrade" ? least : most)(usage[column], hour, windowHours);
  switch (metric) {
    case "ingestedGbPerDay":
      return ((sum("byteCount") / BYTES_PER_GB) * 24) / windowHours;
    case "queriesPerSecond":
      return held("heldQueriesPerMinute") / 60;
    case "slaViolations":
      return sum("violationCount");
    case "storageGb":
      return held("storageBytes") / BYTES_PER_GB;
    case "databaseTimeShare": {
      const cellMs = sum("cellQueryMs");
      return cellMs < IDLE_BUSY_CONNECTIONS * windowHours * HOUR_MS ? 0 : sum("queryMs") / cellMs;
    }
  }
}

function sumOf(column: HourColumn | undefined, hour: number, windowHours: number): number {
  if (column === undefined) return 0;
  const totals = totalsOf(column.values);
  const index = hour - column.firstHour;
  return (totals[index] ?? 0) - (totals[index - windowHours] ?? 0);
}

/** Made once for a column: the windows of a month, hour after hour, would add up half a billion numbers. */
const totalsByColumn = new WeakMap<Float64Array, Float64Array>();

/** What has come up to the end of each hour. */
function totalsOf(values: Float64Array): Float64Array {
  const known = totalsByColumn.get(values);
  if (known !== undefined) return known;
  let total = 0;
  const totals = values.map((value) => (total += value));
  totalsByColumn.set(values, totals);
  return totals;
}

function least(column: HourColumn | undefined, hour: number, windowHours: number): number {
  let found = Infinity;
  for (let back = 0; back < windowHours; back++) found = Math.min(found, valueAt(column, hour - back));
  return found;
}

function most(column: HourColumn | undefined, hour: number, windowHours: number): number {
  let found = 0;
  for (let back = 0; back < windowHours; back++) found = Math.max(found, valueAt(column, hour - back));
  return found;
}

function valueAt(column: HourColumn | undefined, hour: number): number {
  return column?.values[hour - column.firstHour] ?? 0;
}
