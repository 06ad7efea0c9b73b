import { MillwrightError } from "../../../model/errors.ts";
import { READING_TYPES, TABLES, type ReadingType } from "../../../model/reading.ts";
import { copyRange, type CopyOptions } from "./copy-ranges.ts";
import { keepProof, readRanges, reopenRange, type MoveRange } from "./ledger.ts";
import { onBothSides, type Move, type Sides } from "./move-session.ts";
import { isBetween, readPositions, type Position } from "./positions.ts";
import { isEqual, NOTHING, proofOf, proofsOf, seriesColumns, type Proof } from "./proof.ts";
import { isInRange, rangeOf, seriesTable } from "./range-sql.ts";

/** A range that differs is copied again so often. What differs still has a cause that somebody must find. */
const MAX_COPIES = 3;

/** More: a proof that is ended half way begins anew with more of them. Fewer: more looks at a large partition. */
const RANGES_AT_ONCE = 32;

interface ProveOptions extends Pick<CopyOptions, "throttle" | "signal"> {
  /** Told of each range that differs, each time. */
  readonly onDiffering?: (range: MoveRange) => void;
  /** Told how many ranges are proven, and of how many. */
  readonly onProven?: (provenCount: number, rangeCount: number) => void;
}

/**
 * Compares every range that is not proven yet, and copies again what differs.
 * @returns all ranges, each with its proof
 * @throws MillwrightError `copy-differs` that names a range which differs after its third copy; `operation-fenced`
 */
export async function proveRanges(move: Move, options: ProveOptions = {}): Promise<readonly MoveRange[]> {
  const { tenant } = move;
  return onBothSides(move, async (source, target) => {
    const sides = { tenant, source, target };
    const mark = await readPositions(target, tenant, "move_mark");
    const all = await readRanges(target, tenant);
    let provenCount = all.filter(({ proof }) => proof !== undefined).length;
    for (const ranges of lotsOf(all)) {
      options.signal?.throwIfAborted();
      const [sent, arrived] = await compareRanges(sides, mark, ranges);
      for (const [index, range] of ranges.entries()) {
        if (range.proof !== undefined) continue;
        const [there, here] = [sent[index] ?? NOTHING, arrived[index] ?? NOTHING];
        if (range.isDone && isEqual(there, here)) await keepProof(target, move, range, here);
        else await mendRange(move, sides, mark, range, options);
        provenCount += 1;
      }
      options.onProven?.(provenCount, all.length);
    }
    return readRanges(target, tenant);
  });
}

/** Neighbours of one table that one look compares, where one of them is not proven. */
function lotsOf(ranges: readonly MoveRange[]): readonly (readonly MoveRange[])[] {
  const lots: (readonly MoveRange[])[] = [];
  for (const ofType of Map.groupBy(ranges, ({ type }) => type).values())
    for (let from = 0; from < ofType.length; from += RANGES_AT_ONCE)
      lots.push(ofType.slice(from, from + RANGES_AT_ONCE));
  return lots.filter((lot) => lot.some(({ proof }) => proof === undefined));
}

async function compareRanges(
  { tenant, source, target }: Sides,
  mark: readonly Position[],
  ranges: readonly MoveRange[],
) {
  const [first, last] = [ranges[0], ranges.at(-1)];
  if (first === undefined || last === undefined) return [[], []] as const;
  const rows = {
    table: seriesTable(tenant, first.type),
    columns: seriesColumns(first.type),
    condition: isInRange({ from: first.from, to: last.to }, mark),
  };
  // at the same time: each side has a processor of its own
  return Promise.all([proofsOf(source, rows, rangeOf(ranges)), proofsOf(target, rows, rangeOf(ranges))]);
}

/** Copies a range until it is the same on both sides. */
async function mendRange(
  move: Move,
  sides: Sides,
  mark: readonly Position[],
  found: MoveRange,
  options: ProveOptions,
): Promise<void> {
  let range = found;
  for (;;) {
    options.signal?.throwIfAborted();
    if (range.isDone) {
      options.onDiffering?.(range);
      if (range.copyCount >= MAX_COPIES) throw differs(range);
      await reopenRange(sides.target, move, range.id);
    }
    await copyRange(move, mark, range, options);
    range = { ...range, isDone: true, copyCount: range.copyCount + 1 };
    const [[there = NOTHING], [here = NOTHING]] = await compareRanges(sides, mark, [range]);
    if (isEqual(there, here)) return keepProof(sides.target, move, range, here);
  }
}

/** What both sides have of the rows that came by the log, from one position to another. */
export interface TailProof {
  readonly type: ReadingType;
  readonly proof: Proof;
}

/**
 * Compares what came by the log, from `from` up to `until`, which both sides have reached: the target ingested it by
 * itself. The source is to be closed, or `until` to be what it had stored before.
 * @throws MillwrightError `copy-differs`: the move is to begin anew, for ingestion differed
 */
export async function proveTail(
  { tenant, source, target }: Sides,
  from: readonly Position[],
  until: readonly Position[],
): Promise<readonly TailProof[]> {
  const proofs: TailProof[] = [];
  for (const type of READING_TYPES) {
    const rows = {
      table: seriesTable(tenant, type),
      columns: seriesColumns(type),
      condition: isBetween(from, until),
    };
    const [sent, arrived] = await Promise.all([proofOf(source, rows), proofOf(target, rows)]);
    if (!isEqual(sent, arrived)) {
      const counts = `${sent.count} rows in the source, ${arrived.count} in the target`;
      const message = `${TABLES[type]} differs in what came by the log since the move began: ${counts}.`;
      throw new MillwrightError("copy-differs", message);
    }
    proofs.push({ type, proof: arrived });
  }
  return proofs;
}

function differs({ type, from, to, copyCount }: MoveRange): MillwrightError {
  return new MillwrightError(
    "copy-differs",
    `${TABLES[type]} from ${from} to ${to} differs after ${copyCount} copies; look for what else writes there.`,
  );
}
