import type pg from "pg";
import { METRICS, type ReadingType } from "../../../model/reading.ts";
import { COMMON_COLUMNS } from "../reading-rows.ts";

/** What one side has of a set of rows: equal on both sides, the rows are. */
export interface Proof {
  readonly count: bigint;
  /** Decimal digits: a sum of 64-bit hashes. */
  readonly hash: string;
}

/**
 * Never 0: with it a NULL and a 0.0 hash alike. Fixed, so that whoever holds a receipt can count again.
 * @see hash_record_extended of PostgreSQL
 */
const SEED = 7_919;

/** Columns of a series in the order in which both sides copy and hash them. */
export function seriesColumns(type: ReadingType): readonly string[] {
  return [...COMMON_COLUMNS, ...METRICS[type].map(({ name }) => name), "quality"];
}

/**
 * Counts and hashes rows. A sum, because XOR loses pairs: a row that is there twice would vanish. Of no column that is
 * an enum (hashed by OID) or JSON.
 * @param table - quoted, with its schema; @param columns - explicit: the order in a table is an accident of its history
 */
export async function proofOf(
  db: pg.ClientBase,
  table: string,
  columns: readonly string[],
  condition: string,
  values: readonly unknown[] = [],
): Promise<Proof> {
  const { rows } = await db.query<Proof>(
    `select count(*) as count,
            coalesce(sum(hash_record_extended((${columns.join(", ")}), ${SEED})::numeric), 0)::text as hash
       from ${table} where ${condition}`,
    [...values],
  );
  const [proof] = rows;
  if (proof === undefined) throw new RangeError("an aggregate answers one row");
  return proof;
}

export function isEqual(one: Proof, other: Proof): boolean {
  return one.count === other.count && one.hash === other.hash;
}
