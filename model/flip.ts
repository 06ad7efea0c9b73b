/**
 * The flip: how a tenant's home goes from one cell to another, and back. Two kinds of state take part. The *placement*,
 * in the catalog, is the only judge; a *fence* in each cell says who may store there. Each function below is one
 * compare-and-set: the next state, or undefined when it is refused. The tables hold these states, and what changes
 * them locks the row and calls the function, so the model that the test explores is the code that runs.
 *
 * A placement is
 * - `building`: the tenant is being made.
 * - `stable`: `cell` is home. With `flipSource` the last flip has ended, but its cells do not all know it yet: whoever
 *   comes tells them ({@link open}, {@link shadow}), then settles. Without it, `cell` is open and no other.
 * - `flipping` to `flipTarget`: an attempt, named by its epoch, is on its way. Only `decide` or `abort` ends it, once.
 *   Whoever drives it may die at any moment; past its deadline anybody aborts it.
 */
export interface FlipPlacement {
  /** Grows with every attempt, won or lost. */
  readonly epoch: bigint;
  readonly cell: string;
  readonly state: "building" | "stable" | "flipping";
  readonly flipTarget: string | undefined;
  /** The cell that the flip closes, from its beginning until the fences are as the outcome wants them. */
  readonly flipSource: string | undefined;
}

/** `primary` is home or was last; a `shadow` stores what the log brings, and answers nobody. */
export type FenceRole = "primary" | "shadow";

/** What a cell says about one tenant's writers. */
export interface Fence {
  readonly epoch: bigint;
  readonly role: FenceRole;
  /** Nobody stores, while a flip compares. */
  readonly isClosed: boolean;
}

/** An attempt may take so long; then others abort it. Longer: a dead mover pauses its tenant longer. */
export const FLIP_LIMIT_MS = 10_000;

/** Takes the next epoch for a flip to `target`. @param epoch - of the placement that the caller knows */
export function begin(placement: FlipPlacement, epoch: bigint, target: string): FlipPlacement | undefined {
  const { cell, state, flipSource } = placement;
  if (placement.epoch !== epoch || state !== "stable" || flipSource !== undefined || target === cell)
    return undefined;
  return { epoch: epoch + 1n, cell, state: "flipping", flipTarget: target, flipSource: cell };
}

/** The target becomes home. The caller has proven that it holds all that the source does, which is closed. */
export function decide(placement: FlipPlacement, epoch: bigint): FlipPlacement | undefined {
  const { flipTarget, flipSource } = placement;
  if (placement.epoch !== epoch || placement.state !== "flipping" || flipTarget === undefined)
    return undefined;
  return { epoch, cell: flipTarget, state: "stable", flipTarget: undefined, flipSource };
}

/** The source stays home. Always before its fence opens: otherwise the attempt could still be decided. */
export function abort(placement: FlipPlacement, epoch: bigint): FlipPlacement | undefined {
  const { cell, flipSource } = placement;
  if (placement.epoch !== epoch || placement.state !== "flipping") return undefined;
  return { epoch, cell, state: "stable", flipTarget: undefined, flipSource };
}

/** The cells know how the flip ended. */
export function settle(placement: FlipPlacement, epoch: bigint): FlipPlacement | undefined {
  const { cell, state, flipSource } = placement;
  if (placement.epoch !== epoch || state !== "stable" || flipSource === undefined) return undefined;
  return { epoch, cell, state, flipTarget: undefined, flipSource: undefined };
}

/** Closes the source for the attempt `epoch`. */
export function raise(fence: Fence, epoch: bigint): Fence | undefined {
  return fence.epoch < epoch ? { epoch, role: fence.role, isClosed: true } : undefined;
}

/**
 * Opens the cell that the placement names at `epoch`, also where this attempt has not closed it: its {@link raise},
 * sent by a mover that stood still meanwhile, then comes too late. Opened only at exactly `epoch`, such a cell would be
 * closed after everybody has gone.
 */
export function open(fence: Fence, epoch: bigint): Fence | undefined {
  return fence.epoch <= epoch ? { epoch, role: "primary", isClosed: false } : undefined;
}

/** Lets the cell that is home no more follow the log, so that the way back stays open. */
export function shadow(fence: Fence, epoch: bigint): Fence | undefined {
  return fence.epoch <= epoch ? { epoch, role: "shadow", isClosed: false } : undefined;
}

/**
 * Whether the cell behind `fence` answers a query that the placement has led there at `epoch`. A lower fence: the
 * placement has gone ahead, and the cell holds all that the one before it did. A higher one: the tenant is on its way
 * elsewhere since.
 */
export function isHome(fence: Fence, epoch: bigint): boolean {
  return fence.epoch < epoch || (fence.epoch === epoch && fence.role === "primary");
}
