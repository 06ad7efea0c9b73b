import { copyPipe, type PipeOptions } from "./copy-pipe.ts";
import { finishRange, readRanges, type MoveRange } from "./ledger.ts";
import { asMover, onBothSides, type Move } from "./move-session.ts";
import { readPositions, type Position } from "./positions.ts";
import { seriesColumns } from "./proof.ts";
import { isInRange, seriesTable } from "./range-sql.ts";

export interface CopyProgress {
  readonly rangeCount: number;
  readonly doneRangeCount: number;
  /** Of the whole move, up to the last range that is done. */
  readonly rowCount: number;
  readonly doneRowCount: number;
  /** Of this call. */
  readonly byteCount: number;
}

export interface CopyOptions extends Pick<PipeOptions, "throttle" | "signal"> {
  /** Ranges at the same time; each takes a connection to either side. */
  readonly concurrency?: number;
  readonly onProgress?: (progress: CopyProgress) => void;
}

/**
 * Copies the ranges that are not copied yet. Whatever ends it, each range is there as a whole or not at all, and the
 * ledger says which: called again, it goes on.
 * @throws MillwrightError `operation-fenced` when the move has a later owner
 */
export async function copyRanges(
  move: Move,
  { concurrency = 2, onProgress, throttle, signal }: CopyOptions = {},
): Promise<void> {
  const [mark, ranges] = await asMover(
    move,
    move.target,
    async (target) =>
      [await readPositions(target, move.tenant, "move_mark"), await readRanges(target, move.tenant)] as const,
  );
  const pending = ranges.filter(({ isDone }) => !isDone);
  const count = progressOf(ranges);
  const tell = () => onProgress?.({ ...count });
  tell();

  const failed = new AbortController();
  const ending = AbortSignal.any([failed.signal, ...(signal === undefined ? [] : [signal])]);
  const pipe = {
    ...{ signal: ending, ...(throttle === undefined ? {} : { throttle }) },
    onBytes: (byteCount: number) => {
      count.byteCount += byteCount;
      tell();
    },
  };
  const work = async () => {
    for (let range = pending.shift(); range !== undefined; range = pending.shift()) {
      ending.throwIfAborted();
      await copyRange(move, mark, range, pipe);
      count.doneRangeCount += 1;
      count.doneRowCount += Number(range.rowCount);
      tell();
    }
  };
  const working = Array.from({ length: concurrency }, () =>
    work().catch((error: unknown) => {
      failed.abort(error); // the others need not go on
      throw error;
    }),
  );
  const outcomes = await Promise.allSettled(working);
  if (outcomes.some(({ status }) => status === "rejected")) {
    signal?.throwIfAborted();
    throw failed.signal.reason;
  }
}

/** Copies one range, in the place of what an earlier copy left there; with the ledger's entry in one transaction. */
export async function copyRange(
  move: Move,
  mark: readonly Position[],
  range: MoveRange,
  options: PipeOptions,
): Promise<void> {
  const table = seriesTable(move.tenant, range.type);
  const columns = seriesColumns(range.type).join(", ");
  const condition = isInRange(range, mark);
  await onBothSides(move, async (source, target) => {
    await target.query("begin");
    if (range.copyCount > 0) await target.query(`delete from ${table} where ${condition}`);
    await copyPipe(
      {
        client: source,
        statement: `copy (select ${columns} from ${table} where ${condition}) to stdout (format binary)`,
      },
      { client: target, statement: `copy ${table} (${columns}) from stdin (format binary)` },
      options,
    );
    await finishRange(target, move, range.id);
    await target.query("commit");
  });
}

function progressOf(ranges: readonly MoveRange[]) {
  const done = ranges.filter(({ isDone }) => isDone);
  const rows = (of: readonly MoveRange[]) => of.reduce((sum, { rowCount }) => sum + Number(rowCount), 0);
  return {
    ...{ rangeCount: ranges.length, doneRangeCount: done.length },
    ...{ rowCount: rows(ranges), doneRowCount: rows(done), byteCount: 0 },
  };
}
