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

/**
 * SQL that says which of the ranges a row belongs to, by halving: width_bucket(), which compares by any type's function,
 * made a proof a tenth slower. @param ranges - of one table, neighbours in the order of time
 */
export function rangeOf(ranges: readonly MoveRange[], first = 0): string {
  const middle = ranges.length >> 1;
  const [cut] = ranges.slice(middle);
  if (middle === 0 || cut === undefined) return String(first);
  const [before, after] = [
    rangeOf(ranges.slice(0, middle), first),
    rangeOf(ranges.slice(middle), first + middle),
  ];
  return `case when time < ${pg.escapeLiteral(cut.from)}::timestamptz then ${before} else ${after} end`;
}

/** SQL that holds for the rows of a range: of its time, and from below the mark. COPY takes no parameters. */
export function isInRange({ from, to }: Pick<MoveRange, "from" | "to">, mark: readonly Position[]): string {
  return `time >= ${pg.escapeLiteral(from)} and time < ${pg.escapeLiteral(to)} and ${isBelow(mark)}`;
}
