import type { SentRule } from "./journal.ts";
import { judge, type MachineReading, type Sample } from "./judge.ts";

export interface ExpectedAlert {
  readonly start: Pick<Sample, "logRef" | "ordinal" | "value">;
  readonly raisedAtMs: number;
  /** undefined: it still stands */
  readonly returnedAtMs: number | undefined;
}

/** The alerts of one rule on one machine, from the machine's readings of the rule's type in log order. */
export function expectedAlerts(rule: SentRule, readings: readonly MachineReading[]): ExpectedAlert[] {
  const inTime = withoutLate(readings);
  return rule.condition.kind === "no-data"
    ? silences(rule.condition.onDelayMs, inTime)
    : stretches(rule.condition, judge(rule, inTime));
}

/** Late readings change nothing. */
function withoutLate(readings: readonly MachineReading[]): MachineReading[] {
  let newestMs = -Infinity;
  return readings.filter(({ timeMs }) => {
    const isLate = timeMs < newestMs;
    newestMs = Math.max(newestMs, timeMs);
    return !isLate;
  });
}

/** A reading that was followed by nothing for too long, by the log's clock; whatever comes then ends it. */
function silences(delayMs: number, readings: readonly MachineReading[]): ExpectedAlert[] {
  return readings.flatMap((last, index): ExpectedAlert[] => {
    const next = readings[index + 1];
    const silentAtMs = last.appendedAtMs + delayMs;
    if (next !== undefined && next.appendedAtMs <= silentAtMs) return [];
    return [{ start: { ...last, value: null }, raisedAtMs: silentAtMs, returnedAtMs: next?.timeMs }];
  });
}

/**
 * Read off the samples, each time by looking ahead from the sample that begins something. A condition that must hold
 * for a while holds from its first sample until a sample contradicts it; the while is over when a sample's own time or
 * its append time lies beyond it, or when no sample follows any more (then the clock ends it).
 */
function stretches(
  { onDelayMs, offDelayMs }: SentRule["condition"],
  samples: readonly Sample[],
): ExpectedAlert[] {
  const alerts: ExpectedAlert[] = [];
  for (let from = 0; from < samples.length;) {
    const raised = firstHeld(samples, from, "beyond", onDelayMs);
    if (raised === undefined) break;
    const returned = firstHeld(samples, raised.next, "back", offDelayMs);
    alerts.push({ start: raised.start, raisedAtMs: raised.atMs, returnedAtMs: returned?.atMs });
    if (returned === undefined) break;
    from = returned.next;
  }
  return alerts;
}

interface Held {
  readonly start: Sample;
  readonly atMs: number;
  /** The first sample that has not been looked at. */
  readonly next: number;
}

/** The first stretch of samples from `from` on that are `verdict` for `delayMs`. */
function firstHeld(
  samples: readonly Sample[],
  from: number,
  verdict: Sample["verdict"],
  delayMs: number,
): Held | undefined {
  const holds = (sample: Sample) => sample.verdict === verdict;
  for (let first = from; first < samples.length; first++) {
    const start = samples[first]!;
    if (!holds(start)) continue;
    if (delayMs === 0) return { start, atMs: start.timeMs, next: first + 1 };
    const rest = samples.slice(first + 1);
    const isPast = (sample: Sample) =>
      sample.timeMs > start.timeMs + delayMs || sample.appendedAtMs > start.appendedAtMs + delayMs;
    const end = rest.findIndex(
      (sample) => isPast(sample) || !holds(sample) || sample.timeMs === start.timeMs + delayMs,
    );
    const ending = rest[end];
    if (ending === undefined) return { start, atMs: start.timeMs + delayMs, next: samples.length };
    if (isPast(ending)) return { start, atMs: start.timeMs + delayMs, next: first + 1 + end };
    if (holds(ending)) return { start, atMs: ending.timeMs, next: first + 2 + end };
    first += 1 + end; // contradicted: whatever begins next, begins behind it
  }
  return undefined;
}
