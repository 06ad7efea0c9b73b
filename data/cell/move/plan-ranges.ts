import { rangesOf, type HourCount, type TimeRange } from "../../../model/move-range.ts";
import { READING_TYPES, TABLES, type ReadingType } from "../../../model/reading.ts";
import { planOnce, readRanges, type MoveRange } from "./ledger.ts";
import { onBothSides, type Move } from "./move-session.ts";
import { isBelow, readPositions } from "./positions.ts";
import { seriesTable } from "./range-sql.ts";

/** A range is copied in a second or two. Smaller: more round trips. Larger: fewer ranges than connections. */
const LEAST_ROWS_PER_RANGE = 500_000;
/** In some 15 seconds, and copied again where it differs. Larger: more is lost when a copy breaks off. */
const MOST_ROWS_PER_RANGE = 5_000_000;
/**
 * Without an index on time each range is a look at its whole partition, which may be all of the series: 0.14 µs a row, of
 * 5 µs that copying it takes. With 16 ranges the looks of a copy of 5,000,000 rows took a quarter of its time.
 */
const LOOKS = 4;
/** The function that makes partitions takes 12,000 in one call. */
const DAYS_AT_ONCE = 5_000;

/**
 * Cuts the rows below the mark into ranges, writes them into the ledger, and makes the partitions of the target that hold
 * them. Again, it answers what is planned.
 */
export async function planRanges(move: Move, rowsPerRange?: number): Promise<readonly MoveRange[]> {
  const { tenant } = move;
  return onBothSides(move, async (source, target) => {
    const mark = await readPositions(target, tenant, "move_mark");
    const ranges = new Map<ReadingType, readonly TimeRange[]>();
    for (const type of READING_TYPES) {
      const { rows: hours } = await source.query<HourCount>(
        `select extract(epoch from date_trunc('hour', time, 'UTC'))::float8 * 1000 as "hourMs",
                count(*)::float8 as "rowCount"
           from ${seriesTable(tenant, type)} where ${isBelow(mark)} group by 1 order by 1`,
      );
      const total = hours.reduce((sum, { rowCount }) => sum + rowCount, 0);
      ranges.set(type, rangesOf(hours, rowsPerRange ?? fittingRange(total)));
      const days = [...new Set(hours.map(dayOf))];
      for (let from = 0; from < days.length; from += DAYS_AT_ONCE) {
        await target.query("select millwright.ensure_partitions($1, $2, $3::date[])", [
          ...[tenant, TABLES[type]],
          days.slice(from, from + DAYS_AT_ONCE),
        ]);
      }
    }
    await planOnce(target, move, ranges);
    return readRanges(target, tenant);
  });
}

const fittingRange = (rowCount: number) =>
  Math.min(MOST_ROWS_PER_RANGE, Math.max(LEAST_ROWS_PER_RANGE, Math.ceil(rowCount / LOOKS)));

const dayOf = ({ hourMs }: HourCount) => new Date(hourMs).toISOString().slice(0, 10);
