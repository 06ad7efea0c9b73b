/** What a neighbour of a tenant that is copied waits for: 95th percentiles, measured beside the copy. */
export interface NeighbourLatency {
  /** Of a commit of some kB. */
  readonly insertP95Ms: number;
  /** Of a small query. */
  readonly queryP95Ms: number;
}

/** A copy never goes slower: with neighbours that have become slow for reasons of their own, it still ends. */
export const MIN_BYTES_PER_SECOND = 1_000_000;
/** About a tenth of what two cores copy: begun at full speed, the neighbours would notice before it is known. */
export const FIRST_BYTES_PER_SECOND = 4_000_000;
const STEP_BYTES_PER_SECOND = 1_000_000;
const BACK_OFF = 0.5;

/** What neighbours may lose: a tenth. */
const TOLERATED_RATIO = 1.1;
/** What two measurements of the same differ by. Lower: a fast disk's noise stops the copy. Higher: a tenth goes unseen. */
const NOISE_MS = 0.5;

/**
 * What the copy may do in the next window: additive increase, multiplicative decrease (AIMD), which finds what the cell
 * has to spare without knowing what it is short of.
 *
 * @param allowed - bytes per second, in the window that has ended
 * @param reached - what the copy did of it: a rate that nobody used says nothing about a higher one
 */
export function nextRate(
  allowed: number,
  reached: number,
  usual: NeighbourLatency,
  now: NeighbourLatency,
): number {
  if (isWorse(usual, now)) return Math.max(MIN_BYTES_PER_SECOND, Math.min(allowed, reached) * BACK_OFF);
  return reached >= allowed / 2 ? allowed + STEP_BYTES_PER_SECOND : allowed;
}

function isWorse(usual: NeighbourLatency, now: NeighbourLatency): boolean {
  const isAbove = (nowMs: number, usualMs: number) => nowMs > usualMs * TOLERATED_RATIO + NOISE_MS;
  return isAbove(now.insertP95Ms, usual.insertP95Ms) || isAbove(now.queryP95Ms, usual.queryP95Ms);
}
