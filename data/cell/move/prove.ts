import type pg from "pg";
import { MillwrightError } from "../../../model/errors.ts";
import { READING_TYPES, TABLES, type ReadingType } from "../../../model/reading.ts";
import { copyRange, type CopyOptions } from "./copy-ranges.ts";
import { keepProof, readRanges, reopenRange, type MoveRange } from "./ledger.ts";
import { onBothSides, type Move, type Sides } from "./move-session.ts";
import { isBetween, readPositions, type Position } from "./positions.ts";
import { isEqual, proofOf, seriesColumns, type Proof } from "./proof.ts";
import { isInRange, seriesTable } from "./range-sql.ts";

/** A range that differs is copied again so often. What differs still has a cause that somebody must find. */
const MAX_COPIES = 3;

/**
 * Compares every range that is not proven yet, and copies again what differs.
 * @param onDiffering - told of each range that did
 * @returns all ranges, each with its proof
 * @throws MillwrightError `copy-differs` that names a range which differs after its third copy; `operation-fenced`
 */
export async function proveRanges(
  move: Move,
  options: Pick<CopyOptions, "throttle" | "signal"> & {
    readonly onDiffering?: (range: MoveRange) => void;
  } = {},
): Promise<readonly MoveRange[]> {
  const { tenant } = move;
  return onBothSides(move, async (source, target) => {
    const mark = await readPositions(target, tenant, "move_mark");
    for (let range of await readRanges(target, tenant)) {
      while (range.proof === undefined) {
        options.signal?.throwIfAborted();
        if (!range.isDone) {
          await copyRange(move, mark, range, options);
          range = { ...range, isDone: true, copyCount: range.copyCount + 1 };
        }
        const table = seriesTable(tenant, range.type);
        const [sent, arrived] = await compare(source, target, table, range.type, isInRange(range, mark));
        if (isEqual(sent, arrived)) {
          await keepProof(target, move, range, arrived);
          break;
        }
        options.onDiffering?.(range);
        if (range.copyCount >= MAX_COPIES) throw differs(range);
        await reopenRange(target, move, range.id);
        range = { ...range, isDone: false };
      }
    }
    return readRanges(target, tenant);
  });
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
    const table = seriesTable(tenant, type);
    const [sent, arrived] = await compare(source, target, table, type, isBetween(from, until));
    if (!isEqual(sent, arrived)) {
      const counts = `${sent.count} rows in the source, ${arrived.count} in the target`;
      const message = `${TABLES[type]} differs in what came by the log since the move began: ${counts}.`;
      throw new MillwrightError("copy-differs", message);
    }
    proofs.push({ type, proof: arrived });
  }
  return proofs;
}

/** The same question to both, at the same time: each has a processor of its own. */
async function compare(
  source: pg.Client,
  target: pg.Client,
  table: string,
  type: ReadingType,
  condition: string,
): Promise<readonly [source: Proof, target: Proof]> {
  return Promise.all([
    proofOf(source, table, seriesColumns(type), condition),
    proofOf(target, table, seriesColumns(type), condition),
  ]);
}

function differs({ type, from, to, copyCount }: MoveRange): MillwrightError {
  return new MillwrightError(
    "copy-differs",
    `${TABLES[type]} from ${from} to ${to} differs after ${copyCount} copies; look for what else writes there.`,
  );
}
