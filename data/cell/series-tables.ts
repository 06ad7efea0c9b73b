import { METRICS, READING_TYPES, TABLES } from "../../model/reading.ts";
import type { SeriesWidth } from "../../model/series-width.ts";
import { COLUMN_TYPES } from "./reading-rows.ts";

export interface SeriesColumn {
  readonly name: string;
  /** As PostgreSQL itself names it. */
  readonly type: string;
  readonly isRequired: boolean;
}

/** A table of a tenant's schema. */
export interface SeriesTable {
  readonly name: string;
  readonly columns: readonly SeriesColumn[];
  /** What stands behind `create index on TABLE`. */
  readonly indexes: readonly string[];
  /** `fitted` to the tenant's rate, or the same for all. */
  readonly width: SeriesWidth | "fitted";
}

const required = (name: string, type: string): SeriesColumn => ({ name, type, isRequired: true });
const optional = (name: string, type: string): SeriesColumn => ({ name, type, isRequired: false });

/** All tables of a tenant's schema; whatever else is there, somebody made by hand. */
export const SERIES_TABLES: readonly SeriesTable[] = [
  ...READING_TYPES.map((type): SeriesTable => ({
    name: TABLES[type],
    columns: [
      required("time", "timestamp with time zone"),
      required("machine_id", "text"),
      optional("site_id", "text"),
      required("log_ref", "bigint"),
      required("ordinal", "smallint"),
      ...METRICS[type].map(({ name, kind }) => optional(name, COLUMN_TYPES[kind])),
      optional("quality", "integer"), // see qualityOf
    ],
    // No unique index: the position already makes each row unique, and an index would cost COPY and compression.
    // BRIN of this operator class: 26 ms and 360 kB for the tail of 3 million rows; the default one 365 ms.
    indexes: ["(machine_id, time)", "using brin (log_ref int8_minmax_multi_ops)"],
    width: "fitted",
  })),
  {
    name: "aggregated_metrics",
    columns: [
      required("time", "timestamp with time zone"),
      optional("site_id", "text"),
      optional("machine_id", "text"),
      required("metric_type", "text"),
      required("aggregation_period", "text"),
      optional("value", "double precision"),
      optional("count", "bigint"),
      optional("min_value", "double precision"),
      optional("max_value", "double precision"),
    ],
    indexes: ["(machine_id, metric_type, aggregation_period, time)"],
    width: "year",
  },
];
