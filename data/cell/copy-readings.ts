import type { ClientBase } from "pg";
import { identifier } from "../pool.ts";
import { copyAll, CopyFailure, type CopySource } from "./copy-all.ts";
import { failureKind } from "./failure.ts";
import { COPY_HEADER, COPY_TRAILER, copyStatement, type ReadingRows, type RowRange } from "./reading-rows.ts";

/** The COPY of the ranges of `rows` into the table in `schema`. */
export function copyOf(schema: string, rows: ReadingRows, ranges: readonly RowRange[]): CopySource {
  return {
    statement: copyStatement(identifier(schema), rows.type),
    chunks: [COPY_HEADER, ...ranges.map(({ from, to }) => rows.slice(from, to)), COPY_TRAILER],
  };
}

/**
 * Stores the ranges but for rows that the database refuses, which are found by bisection (O(k log n) COPYs for k bad
 * rows) and answered. The caller's transaction goes on.
 */
export async function copyReadingsBisecting(
  tx: ClientBase,
  schema: string,
  rows: ReadingRows,
  ranges: readonly RowRange[],
): Promise<readonly { readonly place: number; readonly error: Error }[]> {
  await tx.query("savepoint copy_part");
  try {
    await copyAll(tx, [copyOf(schema, rows, ranges)]);
    await tx.query("release savepoint copy_part");
    return [];
  } catch (failure) {
    const error = failure instanceof CopyFailure ? failure.cause : failure;
    if (failureKind(error) !== "data") throw error;
    await tx.query("rollback to savepoint copy_part");
    await tx.query("release savepoint copy_part");
    const [first, second] = halves(ranges);
    if (second.length === 0) return [{ place: first[0]?.from ?? 0, error: error as Error }];
    return [
      ...(await copyReadingsBisecting(tx, schema, rows, first)),
      ...(await copyReadingsBisecting(tx, schema, rows, second)),
    ];
  }
}

/** Cuts ranges into two of about equal row count; the second is empty when there is one row only. */
export function halves(ranges: readonly RowRange[]): readonly [readonly RowRange[], readonly RowRange[]] {
  let missing = Math.ceil(ranges.reduce((sum, { from, to }) => sum + to - from, 0) / 2);
  const first: RowRange[] = [];
  const second: RowRange[] = [];
  for (const { from, to } of ranges) {
    const cut = Math.min(to, from + missing);
    if (cut > from) first.push({ from, to: cut });
    if (to > cut) second.push({ from: cut, to });
    missing -= cut - from;
  }
  return [first, second];
}
