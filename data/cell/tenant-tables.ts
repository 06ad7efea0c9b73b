/**
 * A side table comes along when its tenant moves: these columns of its rows are written to the target with the mark, and
 * compared. Keys that the database gives out are left out; the target gives its own, in the order of `orderBy`.
 */
export interface SideTable {
  readonly name: string;
  readonly columns: readonly string[];
  readonly orderBy?: string;
}

/**
 * Every table of a cell's own schema that has rows of tenants. A table that a tenant gains later is named here once: then
 * it moves, is proven equal, and goes when the tenant goes. `own` says what this cell is to the tenant, and stays where
 * it is.
 */
const TABLES: readonly (SideTable | { readonly name: string; readonly own: true })[] = [
  // First: a consumer that waits for the tenant's lock while it is dropped finds no fence, and leaves the tenant alone.
  { name: "fence", own: true },
  { name: "log_position", own: true }, // the mark writes them
  {
    name: "usage",
    columns: ["tenant", "minute", "topic", "partition", "row_count", "byte_count", "is_collected"],
  },
  // What this cell's database did for the tenant.
  { name: "database_usage", own: true },
  { name: "reader_statistics", own: true },
  { name: "dirty_mark", columns: ["tenant", "type", "machine_id", "hour"], orderBy: "id" },
  { name: "batch", columns: ["tenant", "batch_id", "content_hash", "parts", "appended_at"] },
  {
    name: "dead_letter",
    columns: [
      ...["tenant", "topic", "partition", "record_offset", "log_ref", "ordinal", "appended_at", "reason"],
      ...["message", "raw", "raw_bytes", "kept_at", "state", "handled_at", "handled_by", "is_exported"],
    ],
    orderBy: "id",
  },
  { name: "dead_letter_removed", columns: ["tenant", "reason", "count"] },
  { name: "machine", columns: ["tenant", "type", "machine_id", "site_id", "first_log_ref"] },
  { name: "series", own: true },
  { name: "move", own: true },
  { name: "move_mark", own: true },
  { name: "move_range", own: true },
  { name: "frozen_tenant", own: true },
];

/** Names, in the order in which a tenant's rows are dropped. */
export const TENANT_TABLES: readonly string[] = TABLES.map(({ name }) => name);

export const SIDE_TABLES: readonly SideTable[] = TABLES.filter((table) => "columns" in table);

/** Lies in the tenant's schema, and has no place in the log: rollups are recomputed from marks, which come along too. */
export const ROLLUPS: SideTable = {
  name: "aggregated_metrics",
  columns: [
    ...["time", "site_id", "machine_id", "metric_type", "aggregation_period"],
    ...["value", "count", "min_value", "max_value"],
  ],
};
