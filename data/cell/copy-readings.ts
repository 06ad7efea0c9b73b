import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ClientBase } from "pg";
import { from as copyFrom } from "pg-copy-streams";
import { identifier } from "../pool.ts";
import { failureKind } from "./failure.ts";
import { COPY_HEADER, COPY_TRAILER, copyStatement, type ReadingRows, type RowRange } from "./reading-rows.ts";

/** COPYs the ranges of `rows` into the tenant's table. */
export async function copyReadings(
  tx: ClientBase,
  schema: string,
  rows: ReadingRows,
  ranges: readonly RowRange[],
): Promise<void> {
  const chunks = [COPY_HEADER, ...ranges.map(({ from, to }) => rows.slice(from, to)), COPY_TRAILER];
  await pipeline(Readable.from(chunks), tx.query(copyFrom(copyStatement(identifier(schema), rows.type))));
}

/**
 * The same, but rows that the database refuses are found by bisection (O(k log n) COPYs for k bad rows) and answered,
 * and the others are stored. The caller's transaction goes on.
 */
export async function copyReadingsBisecting(
  tx: ClientBase,
  schema: string,
  rows: ReadingRows,
  ranges: readonly RowRange[],
): Promise<readonly { readonly place: number; readonly error: Error }[]> {
  await tx.query("savepoint copy_part");
  try {
    await copyReadings(tx, schema, rows, ranges);
    await tx.query("release savepoint copy_part");
    return [];
  } catch (error) {
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
