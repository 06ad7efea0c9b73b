import type { TenantId } from "../../model/tenant.ts";
import type { HourColumn, UsageColumn, UsageHours } from "../../model/trigger.ts";
import type { Queryable } from "../pool.ts";
import { HOUR_MS } from "../../model/duration.ts";

/** What lies in which column of the rollups. */
const SOURCES: Readonly<Record<UsageColumn, string>> = {
  byteCount: "byte_count",
  heldQueriesPerMinute: "held_query_count",
  violationCount: "violation_count",
  storageBytes: "storage_bytes",
  queryMs: "query_ms + coalesce(direct_query_ms, 0)",
  cellQueryMs: "cell_query_ms",
};

export interface HourRange {
  /** Start of hour 0, milliseconds since the epoch. */
  readonly firstHourMs: number;
  readonly hourCount: number;
}

/** Columns, and how many of the hours of each are asked for, counted from the end. */
export type AskedColumns = ReadonlyMap<UsageColumn, number>;

type Filled = { -readonly [K in UsageColumn]?: HourColumn };

/**
 * Usage by hour of all tenants, or of those given. One statement for columns that are asked for as many hours, and one for
 * violations, of which an index has the few hours that have any; what a tenant has is one row, so that a month of a
 * thousand tenants is a thousand rows and not a million.
 */
export async function readUsageHours(
  service: Queryable,
  range: HourRange,
  asked: AskedColumns,
  tenants?: readonly TenantId[],
): Promise<ReadonlyMap<TenantId, UsageHours>> {
  const usage = new Map<TenantId, Filled>();
  const alike = Map.groupBy(asked, ([column, count]) => (column === "violationCount" ? column : count));
  for (const columns of alike.values()) await readColumns(service, range, columns, tenants, usage);
  return usage;
}

async function readColumns(
  service: Queryable,
  { firstHourMs, hourCount }: HourRange,
  asked: readonly (readonly [UsageColumn, number])[],
  tenants: readonly TenantId[] | undefined,
  usage: Map<TenantId, Filled>,
): Promise<void> {
  const columns = asked.map(([column]) => column);
  const askedCount = Math.min(hourCount, asked[0]?.[1] ?? 0);
  const firstHour = hourCount - askedCount;
  const fromMs = firstHourMs + firstHour * HOUR_MS;
  const lists = columns.map((column) => `${listOf(`coalesce(${SOURCES[column]}, 0)`)} as "${column}"`);
  const { rows } = await service.query<
    { readonly tenant: TenantId; readonly hours: string } & Readonly<Record<UsageColumn, string>>
  >(
    `select tenant, ${listOf("((extract(epoch from hour) - $1) / 3600)::int")} as hours, ${lists.join(", ")}
       from usage_hour
      where hour >= to_timestamp($1) and hour < to_timestamp($2) and ($3::text[] is null or tenant = any($3))
        ${columns.includes("violationCount") ? "and violation_count > 0" : ""}
      group by tenant`,
    [fromMs / 1000, (fromMs + askedCount * HOUR_MS) / 1000, tenants ?? null],
  );
  for (const row of rows) {
    const known = usage.get(row.tenant) ?? {};
    usage.set(row.tenant, known);
    const hours = row.hours.split(" ");
    for (const column of columns) {
      const values = new Float64Array(askedCount);
      row[column].split(" ").forEach((value, index) => (values[Number(hours[index])] = Number(value)));
      if (column === "storageBytes") carryForward(values);
      known[column] = { firstHour, values };
    }
  }
}

/**
 * Sums of the last hours of all tenants, each as the value of the last hour: a tenth of what the hours cost to read, and
 * as good where only windows that end there are asked about.
 */
export async function readUsageSums(
  service: Queryable,
  { firstHourMs, hourCount }: HourRange,
  asked: AskedColumns,
): Promise<ReadonlyMap<TenantId, UsageHours>> {
  const usage = new Map<TenantId, Filled>();
  const endMs = firstHourMs + hourCount * HOUR_MS;
  const byIndex = Map.groupBy(asked, ([column]) => column === "violationCount");
  for (const [isViolations, columns] of byIndex) {
    const froms = columns.map(([, count]) => endMs - count * HOUR_MS);
    const sums = columns.map(
      ([column], index) =>
        `coalesce(sum(${SOURCES[column]}) filter (where hour >= to_timestamp($${index + 3})), 0)::float8 as "${column}"`,
    );
    const { rows } = await service.query<
      { readonly tenant: TenantId } & Readonly<Record<UsageColumn, number>>
    >(
      `select tenant, ${sums.join(", ")} from usage_hour
        where hour >= to_timestamp($1) and hour < to_timestamp($2) ${isViolations ? "and violation_count > 0" : ""}
        group by tenant`,
      [Math.min(...froms), endMs, ...froms].map((ms) => ms / 1000),
    );
    for (const row of rows) {
      const known = usage.get(row.tenant) ?? {};
      usage.set(row.tenant, known);
      for (const [column] of columns)
        known[column] = { firstHour: hourCount - 1, values: Float64Array.of(row[column]) };
    }
  }
  return usage;
}

/** Numbers as one text: the driver takes an array apart sign by sign, which took half of the time. */
function listOf(expression: string): string {
  return `string_agg((${expression})::text, ' ')`;
}

/** A size that was not measured is the one before. */
function carryForward(sizes: Float64Array): void {
  for (let hour = 1; hour < sizes.length; hour++) sizes[hour] ||= sizes[hour - 1] ?? 0;
}
