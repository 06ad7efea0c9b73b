import { keepProven, type Proven } from "../../../../data/catalog/tenant-move.ts";
import { addShadow } from "../../../../data/catalog/shadow.ts";
import { inOwnership } from "../../../../data/catalog/ownership.ts";
import { watchShadow } from "../../../../data/cell/move/catch-up.ts";
import { copyRanges, type CopyProgress } from "../../../../data/cell/move/copy-ranges.ts";
import { markTenant } from "../../../../data/cell/move/mark.ts";
import { asMover, onBothSides, type Move } from "../../../../data/cell/move/move-session.ts";
import { planRanges } from "../../../../data/cell/move/plan-ranges.ts";
import { readPositions } from "../../../../data/cell/move/positions.ts";
import { proveRanges } from "../../../../data/cell/move/prove.ts";
import { isOutage } from "../../../../data/pool.ts";
import { pause } from "../../../../data/wait.ts";
import { sparingNeighbours, type Throttle } from "../../../moves/throttle.ts";
import type { StepRun } from "../step.ts";
import { GrowingProof } from "./growing-proof.ts";
import { claimedWay, movingTenant, wayOf, type MovingTenant } from "./moving.ts";

/** Often against the log's retention, which is days, and for a person who watches; seldom against what it costs. */
const WATCH_MS = 2_000;

/** Copied in about a second: to measure what neighbours wait for would take longer than they wait. */
const UNFELT_ROWS = 200_000;

/** Seeds the target, and lets it follow the log from there on, beside the copy. */
export async function mark(run: StepRun) {
  const { owned, deps } = run;
  const moving = await movingTenant(run);
  const move = await claimedWay(run, moving);
  const { positions, sideTables } = await markTenant(move);
  const { tenant } = owned;
  const { epoch } = moving.placement;
  await inOwnership(deps.catalog.service, owned, (tx) =>
    addShadow(tx, { tenant, cell: moving.other.cell, epoch }),
  );
  return { partitions: positions.length, tables: sideTables.length };
}

/** Copies what is below the mark. Called again, it goes on with the ranges that are not there yet. */
export async function copy(run: StepRun) {
  const move = await claimedWay(run, await movingTenant(run));
  const ranges = await planRanges(move);
  const startedAtMs = performance.now();
  let before: number | undefined;
  let last: CopyProgress | undefined;
  await whileFollowing(run, move, async (signal, lag) => {
    const onProgress = (progress: CopyProgress) => {
      before ??= progress.doneRowCount;
      last = progress;
      run.report(shownProgress(progress, before, performance.now() - startedAtMs, lag()));
    };
    const copyAll = (throttle?: Throttle) =>
      copyRanges(move, { signal, onProgress, ...(throttle === undefined ? {} : { throttle }) });
    const rowCount = ranges.reduce((sum, range) => sum + Number(range.rowCount), 0);
    await (rowCount < UNFELT_ROWS ? copyAll() : sparingNeighbours(move, copyAll));
  });
  const rows = last?.doneRowCount ?? 0;
  const elapsedMs = performance.now() - startedAtMs;
  return {
    ...{ rows, bytes: last?.byteCount ?? 0, ranges: ranges.length, seconds: Math.round(elapsedMs) / 1_000 },
    rowsPerSecond: rateOf(rows - (before ?? 0), elapsedMs), // what the plans of later moves count on
  };
}

function shownProgress(
  { rowCount, doneRowCount, rangeCount, doneRangeCount, byteCount }: CopyProgress,
  before: number,
  elapsedMs: number,
  lagRecords: number | undefined,
) {
  const rowsPerSecond = rateOf(doneRowCount - before, elapsedMs);
  const left = rowCount - doneRowCount;
  return {
    ...{
      rows: doneRowCount,
      rowsToCopy: rowCount,
      ranges: doneRangeCount,
      rangesToCopy: rangeCount,
      bytes: byteCount,
    },
    ...{ rowsPerSecond, etaSeconds: rowsPerSecond === 0 ? null : Math.ceil(left / rowsPerSecond) },
    lagRecords: lagRecords ?? null,
  };
}

/** Compares every range on both sides, and copies again what differs. */
export async function prove(run: StepRun) {
  const move = await claimedWay(run, await movingTenant(run));
  const differing: string[] = [];
  const ranges = await whileFollowing(run, move, (signal, lag) =>
    proveRanges(move, {
      signal,
      onDiffering: ({ type, from, to }) => differing.push(`${type} ${from} to ${to}`),
      onProven: (verifiedRanges, rangeCount) =>
        run.report({ verifiedRanges, rangesToVerify: rangeCount, lagRecords: lag() ?? null }),
    }),
  );
  const rows = ranges.reduce((sum, { proof }) => sum + Number(proof?.count ?? 0n), 0);
  return {
    verifiedRanges: ranges.length,
    rows,
    ...(differing.length === 0 ? {} : { copiedAgain: differing }),
  };
}

/** Waits until the other cell is where home is, and proves what came by the log meanwhile: the flip has little left to do. */
export async function catchUp(run: StepRun) {
  const moving = await movingTenant(run);
  const move = await wayOf(run, moving);
  return whileFollowing(run, move, (signal) =>
    onBothSides(move, async (source, target) => {
      const tail = new GrowingProof({ tenant: move.tenant, source, target }, await provenSince(moving, move));
      const rows = await tail.proveToNow(signal);
      await keepProven(run.deps.catalog.service, moving.record.operation, tail.proven);
      return { rows };
    }),
  );
}

/** Where the proof of what came by the log begins: where the last one ended, in the beginning at the mark. */
export async function provenSince({ record }: MovingTenant, move: Move): Promise<Proven> {
  if (record.proven !== undefined) return record.proven;
  const positions = await asMover(move, move.target, (target) =>
    readPositions(target, move.tenant, "move_mark"),
  );
  return { positions, tails: [] };
}

/**
 * Looks all the time whether the log still holds what the other cell needs, and how far it is behind.
 * @throws MillwrightError `offset-out-of-range`, and what `work` throws
 */
async function whileFollowing<T>(
  run: StepRun,
  move: Move,
  work: (signal: AbortSignal, lag: () => number | undefined) => Promise<T>,
): Promise<T> {
  const { tenant, target } = move;
  const [lost, ended] = [new AbortController(), new AbortController()];
  let lag: number | undefined;
  const watch = async () => {
    while (!ended.signal.aborted) {
      try {
        const positions = await asMover(move, target, (client) => readPositions(client, tenant));
        lag = Number((await watchShadow(run.deps.log, { tenant, positions })).lag);
      } catch (error) {
        // what is away for the watch is away for the work, which says so itself
        if (!isOutage(error)) return lost.abort(error);
      }
      await pause(WATCH_MS, ended.signal);
    }
  };
  const watching = watch();
  try {
    return await work(AbortSignal.any([lost.signal, run.signal]), () => lag);
  } catch (error) {
    lost.signal.throwIfAborted();
    throw error;
  } finally {
    ended.abort();
    await watching;
  }
}

/** A second. */
function rateOf(rowCount: number, elapsedMs: number): number {
  return Math.round((rowCount / Math.max(elapsedMs, 1)) * 1_000);
}
