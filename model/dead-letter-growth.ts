/** How fast dead letters of one tenant may come before somebody is told. */
export interface GrowthLimits {
  readonly windowMs: number;
  /** So many letters within the window are an alarm; below a tenth of it, the alarm is over. */
  readonly letterCount: number;
}

/** One broken device at a reading a second makes 300 in five minutes; a typing error now and then makes no alarm. */
export const GROWTH: GrowthLimits = { windowMs: 5 * 60_000, letterCount: 100 };

/** Far apart, so that a count that stays about the limit rings once. */
const CLEAR_SHARE = 0.1;

/** What a tenant's count within the window means for its alarm; undefined: all stays as it is. */
export function growthChange(
  recentCount: number,
  isGrowing: boolean,
  { letterCount }: GrowthLimits = GROWTH,
): "raised" | "cleared" | undefined {
  if (!isGrowing && recentCount >= letterCount) return "raised";
  if (isGrowing && recentCount < letterCount * CLEAR_SHARE) return "cleared";
  return undefined;
}
