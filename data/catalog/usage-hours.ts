import type { TenantId } from "../../model/tenant.ts";
import type { UsageColumn, UsageHours } from "../../model/trigger.ts";
import type { Queryable } from "../pool.ts";

/** What lies in which column of the rollups. Violations have an index of those hours that have any. */
const SOURCES: Readonly<Record<UsageColumn, string>> = {
  byteCount: "byte_count",
  heldQueriesPerMinute: "held_query_count",
  violationCount: "violation_count",
  storageBytes: "storage_bytes",
  queryMs: "query_ms + coalesce(direct_query_ms, 0)",
  cellQueryMs: "cell_query_ms",
};

export interface HourRange {
  /** Start of hour 0 of every column, milliseconds since the epoch. */
  readonly firstHourMs: number;
  readonly hourCount: number;
}

/** A column, and how many of the hours are asked for, counted from the end. */
export type ColumnRange = ReadonlyMap<UsageColumn, number>;

/**
 * Usage of all tenants by hour, one statement for each column: what a tenant has is one row, so that a month of a thousand
 * tenants is a thousand rows and not a million.
 */
export async function readUsageHours(
  service: Queryable,
  { firstHourMs, hourCount }: HourRange,
  columns: ColumnRange,
): Promise<ReadonlyMap<TenantId, UsageHours>> {
  const usage = new Map<TenantId, { -readonly [K in UsageColumn]?: Float64Array }>();
  for (const [column, askedCount] of columns) {
    const { rows } = await service.query<{ tenant: TenantId; hours: number[]; values: number[] }>(
      `select tenant, array_agg(((extract(epoch from hour) - $1) / 3600)::int) as hours,
              array_agg((${SOURCES[column]})::float8) as values
         from usage_hour
        where hour >= to_timestamp($2) and hour < to_timestamp($3) and ${SOURCES[column]} > 0 group by tenant`,
      [
        firstHourMs / 1000,
        firstHourMs / 1000 + Math.max(0, hourCount - askedCount) * 3600,
        firstHourMs / 1000 + hourCount * 3600,
      ],
    );
    for (const { tenant, hours, values } of rows) {
      const filled = new Float64Array(hourCount);
      hours.forEach((hour, index) => (filled[hour] = values[index] ?? 0));
      if (column === "storageBytes") carryForward(filled);
      const known = usage.get(tenant);
      if (known === undefined) usage.set(tenant, { [column]: filled });
      else known[column] = filled;
    }
  }
  return usage;
}

/** A size that was not measured is the one before. */
function carryForward(sizes: Float64Array): void {
  for (let hour = 1; hour < sizes.length; hour++) sizes[hour] ||= sizes[hour - 1] ?? 0;
}
