import { DAY_MS, HOUR_MS, MINUTE_MS } from "./duration.ts";

/** How usage is asked for: in buckets of UTC. */
export const USAGE_PERIODS = ["minute", "hour", "day"] as const;
export type UsagePeriod = (typeof USAGE_PERIODS)[number];

/** What one answer may cover: at most 1,440 buckets of one tenant. */
export const MAX_USAGE_RANGE_MS: Readonly<Record<UsagePeriod, number>> = {
  minute: DAY_MS,
  hour: 60 * DAY_MS,
  day: 400 * DAY_MS,
};

/** Length of a bucket in milliseconds. */
export const USAGE_PERIOD_MS: Readonly<Record<UsagePeriod, number>> = {
  minute: MINUTE_MS,
  hour: HOUR_MS,
  day: DAY_MS,
};

/** The start of the bucket that holds the instant. */
export function startOf(period: UsagePeriod, instantMs: number): number {
  return instantMs - (instantMs % USAGE_PERIOD_MS[period]);
}
