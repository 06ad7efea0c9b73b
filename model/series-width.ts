/** How much time one partition (or chunk) of a series table covers. */
export type SeriesWidth = "day" | "month" | "year";

/**
 * What one partition should hold at most. Lower: thousands of partitions, and planning costs more than reading (500
 * tenants × 5 tables × 3 days are 42,700 relations). Higher: retention drops too much at once, and an index outgrows
 * memory.
 */
const ROWS_PER_PARTITION = 50_000_000;
const ROWS_PER_MACHINE_AND_DAY = 86_400; // one reading a second, the rate that tenants are sized for

/** The widest partition that still holds no more than {@link ROWS_PER_PARTITION}; a day at least. */
export function seriesWidth(machines: number): SeriesWidth {
  const rowsPerDay = machines * ROWS_PER_MACHINE_AND_DAY;
  if (rowsPerDay * 366 <= ROWS_PER_PARTITION) return "year";
  return rowsPerDay * 31 <= ROWS_PER_PARTITION ? "month" : "day";
}
