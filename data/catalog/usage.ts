import type pg from "pg";
import type { TenantId } from "../../model/tenant.ts";
import { USAGE_PERIOD_MS, type UsagePeriod } from "../../model/usage.ts";

/** What a tenant used in one bucket of time. */
export interface UsageBucket {
  /** Start, ISO 8601 in UTC. */
  readonly from: string;
  readonly rowCount: number;
  readonly byteCount: number;
  /** Asked through the API, and how long the database took to answer. */
  readonly queryCount: number;
  readonly queryMs: number;
  /** Asked by the tenant's own logins in the database; null where it does not say. */
  readonly directQueryCount: number | null;
  readonly directQueryMs: number | null;
  /** Alerts that took longer than the promise, by the time at which the first receiver had them. */
  readonly violationCount: number;
  /** The most that the tenant's tables and indexes took; null: not measured in this bucket. */
  readonly storageBytes: number | null;
}

const COUNTS = [
  "row_count",
  "byte_count",
  "query_count",
  "query_ms",
  "direct_query_count",
  "direct_query_ms",
];
const columns = (of: (column: string) => string) => [...COUNTS, "violation_count"].map(of).join(", ");

/** Buckets with any usage, oldest first. Both ends are starts of buckets; `toMs` is exclusive. */
export async function listUsage(
  tx: pg.ClientBase,
  tenant: TenantId,
  period: UsagePeriod,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): Promise<readonly UsageBucket[]> {
  const sums =
    period === "minute"
      ? `${columns((column) => `sum(${column})::float8 as ${column}`)}, max(storage_bytes)::float8 as storage_bytes`
      : `${columns((column) => `${column}::float8`)}, storage_bytes::float8`;
  // By name of each bucket: the tables' keys begin with the time, and between two times lie all tenants.
  const { rows } = await tx.query<Record<string, number | null> & { readonly start: Date }>(
    `select ${period} as start, ${sums} from usage_${period}
      where tenant = $1 and ${period} = any(array(
              select to_timestamp(s) from generate_series($2::float8::numeric, $3::float8::numeric, $4::numeric) s))
      ${period === "minute" ? "group by minute" : ""} order by 1`,
    [tenant, fromMs / 1000, toMs / 1000 - 1, USAGE_PERIOD_MS[period] / 1000],
  );
  return rows.map((row) => ({
    from: row.start.toISOString(),
    ...{ rowCount: row["row_count"] ?? 0, byteCount: row["byte_count"] ?? 0 },
    ...{ queryCount: row["query_count"] ?? 0, queryMs: row["query_ms"] ?? 0 },
    directQueryCount: row["direct_query_count"] ?? null,
    directQueryMs: row["direct_query_ms"] ?? null,
    violationCount: row["violation_count"] ?? 0,
    storageBytes: row["storage_bytes"] ?? null,
  }));
}
