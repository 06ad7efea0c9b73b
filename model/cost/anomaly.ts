import type { DayAmount } from "./forecast.ts";
import type { MicroUsd } from "./money.ts";

/** A day that came to much more than days like it. */
export interface CostAnomaly extends DayAmount {
  /** What such a day comes to: the median. */
  readonly usual: MicroUsd;
  /** How many deviations it lies above that. */
  readonly deviations: number;
}

/** Fewer days of the same weekday say nothing of it; then all days are looked at. */
const LEAST_SAME_WEEKDAYS = 4;
const LEAST_DAYS = 7;
/** From here on a value counts as far out (Iglewicz and Hoaglin, 1993). */
const FAR_OUT = 3.5;
/** A normal deviation in median absolute deviations. */
const MAD_TO_DEVIATION = 1.4826;
/** Days that are all alike have no deviation: a twentieth of the usual is taken for one, so that cents are no leap. */
const LEAST_DEVIATION_PART = 0.05;
/** A tenant of cents may double without anybody's day being spoilt: 1 USD. */
const LEAST_RISE: MicroUsd = 1_000_000;
const WEEK_MS = 7 * 86_400_000;

/**
 * Whether the last day is a leap, seen against the days before it: the same weekdays where there are enough of them, by their
 * median and the median of the distances from it, which a leap among them does not move.
 * @param days - whole days, the last one is judged
 * @returns undefined: it is as usual, or there is too little to say
 */
export function anomalyOf(days: readonly DayAmount[]): CostAnomaly | undefined {
  const sorted = days.toSorted((a, b) => a.dayMs - b.dayMs);
  const last = sorted.pop();
  if (last === undefined || sorted.length < LEAST_DAYS) return undefined;
  const same = sorted.filter(({ dayMs }) => (last.dayMs - dayMs) % WEEK_MS === 0);
  const like = (same.length >= LEAST_SAME_WEEKDAYS ? same : sorted).map(({ amount }) => amount);
  const usual = median(like);
  const spread = MAD_TO_DEVIATION * median(like.map((amount) => Math.abs(amount - usual)));
  const deviations = (last.amount - usual) / Math.max(spread, usual * LEAST_DEVIATION_PART, 1);
  const isLeap = deviations > FAR_OUT && last.amount - usual >= LEAST_RISE;
  return isLeap ? { ...last, usual, deviations } : undefined;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [low = 0, high = 0] = [sorted[sorted.length % 2 === 0 ? middle - 1 : middle], sorted[middle]];
  return Math.round((low + high) / 2);
}
