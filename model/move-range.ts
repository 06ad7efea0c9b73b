import { HOUR_MS } from "./duration.ts";

/** A span of time whose rows are copied and compared together: from, up to and without `toMs`; both may be infinite. */
export interface TimeRange {
  readonly fromMs: number;
  readonly toMs: number;
  /** About so many rows. */
  readonly rowCount: number;
}

/** How many rows one hour has. */
export interface HourCount {
  readonly hourMs: number;
  readonly rowCount: number;
}

/**
 * Cuts all of time into ranges of at most about `maxRows` rows: whole hours together, an hour of more rows into equal
 * slices. They meet without gaps and the outer ones have no end, so that a row which is where none should be lies in one
 * of them, too.
 *
 * @param hours - with rows, ascending
 * @returns none where there are no hours
 */
export function rangesOf(hours: readonly HourCount[], maxRows: number): readonly TimeRange[] {
  const cuts: TimeRange[] = [];
  for (const { hourMs, rowCount } of hours) {
    const last = cuts.at(-1);
    if (last !== undefined && last.rowCount + rowCount <= maxRows) {
      cuts[cuts.length - 1] = { ...last, rowCount: last.rowCount + rowCount };
      continue;
    }
    const sliceCount = Math.max(1, Math.ceil(rowCount / maxRows));
    for (let slice = 0; slice < sliceCount; slice++) {
      const fromMs = hourMs + Math.floor((HOUR_MS * slice) / sliceCount);
      cuts.push({ fromMs, toMs: fromMs, rowCount: Math.ceil(rowCount / sliceCount) });
    }
  }
  return cuts.map((cut, index) => ({
    fromMs: index === 0 ? -Infinity : cut.fromMs,
    toMs: cuts[index + 1]?.fromMs ?? Infinity,
    rowCount: cut.rowCount,
  }));
}
