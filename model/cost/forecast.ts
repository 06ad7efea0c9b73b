import { DAY_MS } from "../duration.ts";
import type { MicroUsd } from "./money.ts";
import type { Range } from "./range.ts";

export interface DayAmount {
  /** Start of the day, milliseconds since the epoch. */
  readonly dayMs: number;
  readonly amount: MicroUsd;
}

const WEEK = 7;

/**
 * What a month will come to: what it came to so far, and for each day that is left what the same weekday came to when it was
 * last seen (the seasonal naive forecast), the mean of all days where it was not. Low and high take the least and the most
 * that the weekday, or any day, came to.
 * @param soFar - of the month until `fromMs`
 * @param seen - whole days of the last weeks, in any order
 * @param fromMs - what of the day lies behind is left out of what is still to come
 * @returns undefined before the first whole day: then there is nothing to go by
 */
export function forecastMonth(
  soFar: MicroUsd,
  seen: readonly DayAmount[],
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): Range | undefined {
  if (seen.length === 0) return undefined;
  const days = seen.toSorted((a, b) => a.dayMs - b.dayMs);
  const amounts = days.map(({ amount }) => amount);
  const byWeekday = Map.groupBy(days, ({ dayMs }) => weekdayOf(dayMs));
  const sum = { low: soFar, expected: soFar, high: soFar };
  for (let startMs = fromMs; startMs < toMs;) {
    const endMs = Math.min(toMs, (Math.floor(startMs / DAY_MS) + 1) * DAY_MS);
    const part = (endMs - startMs) / DAY_MS;
    const same = byWeekday.get(weekdayOf(startMs))?.map(({ amount }) => amount) ?? [];
    // One day of a weekday is no range: then all days are.
    const around = same.length > 1 ? same : amounts;
    sum.low += part * Math.min(...around);
    sum.expected += part * (same.at(-1) ?? mean(amounts));
    sum.high += part * Math.max(...around);
    startMs = endMs;
  }
  return {
    low: Math.round(sum.low),
    expected: Math.round(sum.expected),
    high: Math.round(sum.high),
  };
}

function weekdayOf(ms: number): number {
  return Math.floor(ms / DAY_MS) % WEEK;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
