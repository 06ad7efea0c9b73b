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

interface HashedRows {
  /** Quoted, with its schema. */
  readonly table: string;
  /** Explicit: the order in a table is an accident of its history. No enum (hashed by OID), no JSON. */
  readonly columns: readonly string[];
  readonly condition: string;
}

/**
 * Counts and hashes rows. A sum, because XOR loses pairs: a row that is there twice would vanish. A sum of bigint is a
 * numeric, without overflow.
 */
export async function proofOf(db: pg.ClientBase, rows: HashedRows): Promise<Proof> {
  const [proof] = await proofsOf(db, rows, "0");
  return proof ?? NOTHING;
}

/**
 * The same of many sets in one look at the table: where no index helps, a look for each would cost as much as all.
 * @param bucket - SQL: which set a row belongs to, from 0 on
 * @returns by set; empty ones are left out
 */
export async function proofsOf(
  db: pg.ClientBase,
  { table, columns, condition }: HashedRows,
  bucket: string,
): Promise<readonly (Proof | undefined)[]> {
  const { rows } = await db.query<Proof & { readonly bucket: number }>(
    `select (${bucket})::int as bucket, count(*) as count,
            sum(hash_record_extended((${columns.join(", ")}), ${SEED}))::text as hash
       from ${table} where ${condition} group by 1`,
  );
  const proofs: (Proof | undefined)[] = [];
  for (const { bucket: at, count, hash } of rows) proofs[at] = { count, hash };
  return proofs;
}

/** Of no rows. */
export const NOTHING: Proof = { count: 0n, hash: "0" };

export function isEqual(one: Proof, other: Proof): boolean {
  return one.count === other.count && one.hash === other.hash;
}
