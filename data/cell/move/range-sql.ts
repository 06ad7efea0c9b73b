import pg from "pg";
import { TABLES } from "../../../model/reading.ts";
import { tenantNames, type TenantId } from "../../../model/tenant.ts";
import { identifier } from "../../pool.ts";
import type { MoveRange } from "./ledger.ts";
import { isBelow, type Position } from "./positions.ts";

/** A series table, quoted, with its schema. */
export function seriesTable(tenant: TenantId, type: MoveRange["type"]): string {
  return `${identifier(tenantNames(tenant).schema)}.${TABLES[type]}`;
}

/** SQL that says which of the ranges a row belongs to. @param ranges - of one table, neighbours in the order of time */
export function rangeOf(ranges: readonly MoveRange[]): string {
  const cuts = ranges.slice(1).map(({ from }) => pg.escapeLiteral(from));
  return `width_bucket(time, array[${cuts.join(", ")}]::timestamptz[])`;
}

/** SQL that holds for the rows of a range: of its time, and from below the mark. COPY takes no parameters. */
export function isInRange({ from, to }: Pick<MoveRange, "from" | "to">, mark: readonly Position[]): string {
  return `time >= ${pg.escapeLiteral(from)} and time < ${pg.escapeLiteral(to)} and ${isBelow(mark)}`;
}
