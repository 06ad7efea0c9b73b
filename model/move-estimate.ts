/** What was measured or looked up for a move. */
export interface MoveMeasures {
  readonly rowCount: number;
  /** On the source's disk. */
  readonly byteCount: number;
  readonly copyRowsPerSecond: number;
  readonly buildMs: number;
}

/** What a flip promises the tenant's writers in half of all moves, for as long as nothing was measured here. */
export const PROMISED_PAUSE_MS = 300;

/** How long a move takes, and what it needs; of a tenant whose neighbours leave the disks alone. */
export interface MoveEstimate {
  readonly buildMs: number;
  readonly copyMs: number;
  readonly proveMs: number;
  readonly totalMs: number;
  /** In the target, while it is copied. */
  readonly diskBytes: number;
}

/** Of one reading with its indexes, before it is compressed, as it arrives: a compressed source needs more room there. */
const BYTES_PER_ROW = 250;
/** A server whose disk is full stops for all its tenants, and while it is loaded its own log of changes grows too. */
const DISK_RESERVE_BYTES = 256 * 2 ** 20;
/** Both sides at the same time, with one core each. */
const PROVE_ROWS_PER_SECOND = 1_000_000;
/** Mark, catching up, and the looks in between: so long takes the move of a tenant without rows. */
const FIXED_MS = 5_000;

export function estimateMove(measures: MoveMeasures): MoveEstimate {
  const { rowCount, copyRowsPerSecond, buildMs } = measures;
  const copyMs = Math.round((rowCount / copyRowsPerSecond) * 1_000);
  const proveMs = Math.round((rowCount / PROVE_ROWS_PER_SECOND) * 1_000);
  return {
    ...{ buildMs, copyMs, proveMs },
    totalMs: buildMs + copyMs + proveMs + FIXED_MS,
    diskBytes: diskNeeded(measures),
  };
}

/** What the target of a move must have free. */
export function diskNeeded({ rowCount, byteCount }: Pick<MoveMeasures, "rowCount" | "byteCount">): number {
  return Math.round(Math.max(byteCount, rowCount * BYTES_PER_ROW)) + DISK_RESERVE_BYTES;
}
