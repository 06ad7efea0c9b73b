import { DAY_MS } from "../duration.ts";

/** `[fromMs, toMs)`, milliseconds since the epoch. */
export interface TimeSpan {
  readonly fromMs: number;
  readonly toMs: number;
}

/** A time in which the shared cells had so many places. */
export interface PlacedSpan extends TimeSpan {
  readonly places: number;
}

export function commonTime(a: TimeSpan, b: TimeSpan): TimeSpan {
  const fromMs = Math.max(a.fromMs, b.fromMs);
  return { fromMs, toMs: Math.max(fromMs, Math.min(a.toMs, b.toMs)) };
}

/**
 * Cuts a bill's time where the number of places changed, at whole days, since use is known by day: a day in which it changed
 * is a span of its own, with the mean.
 * @param period - begins with a day
 * @param known - by time, none over another; where none is, places are as they were before, or as they first were
 */
export function placedSpans(period: TimeSpan, known: readonly PlacedSpan[]): readonly PlacedSpan[] {
  const spans: PlacedSpan[] = [];
  for (let dayMs = period.fromMs; dayMs < period.toMs; dayMs += DAY_MS) {
    const day = commonTime(period, { fromMs: dayMs, toMs: dayMs + DAY_MS });
    const last = spans.at(-1);
    const places = meanPlaces(known, day) ?? last?.places ?? known[0]?.places ?? 0;
    if (places === last?.places) spans[spans.length - 1] = { ...last, toMs: day.toMs };
    else spans.push({ ...day, places });
  }
  return spans;
}

/** The mean over what of the time is known; undefined: nothing. */
export function meanPlaces(known: readonly PlacedSpan[], time: TimeSpan): number | undefined {
  let [knownMs, placeMs] = [0, 0];
  for (const { places, ...span } of known) {
    const { fromMs, toMs } = commonTime(span, time);
    knownMs += toMs - fromMs;
    placeMs += (toMs - fromMs) * places;
  }
  return knownMs > 0 ? placeMs / knownMs : undefined;
}
