import type { Pool } from "pg";
import { TABLES, type ReadingType } from "../../model/reading.ts";
import type { TenantId } from "../../model/tenant.ts";
import { DAY_MS } from "../../model/duration.ts";

/** The day of a time, counted from 1970-01-01. No partition is narrower than a day. */
export function dayOf(timeMs: number): number {
  return Math.floor(timeMs / DAY_MS);
}

/**
 * Makes the partitions, or chunks, of one series that hold `days`, where there are none. On a
 * connection of its own and before the COPY: made inside it, an aborted batch would undo them for everybody who
 * counts on them, and the DDL's locks would last as long as the COPY.
 */
export async function ensurePartitions(
  pool: Pool,
  tenant: TenantId,
  type: ReadingType,
  days: readonly number[],
): Promise<void> {
  const dates = days.map((day) => new Date(day * DAY_MS).toISOString().slice(0, 10));
  await pool.query("select millwright.ensure_partitions($1, $2, $3::date[])", [tenant, TABLES[type], dates]);
}
