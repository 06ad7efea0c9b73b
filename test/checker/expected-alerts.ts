import type { SentRule } from "./journal.ts";

/** A value of one machine that the rule looks at, with the place of its reading in the log. */
export interface Sample {
  readonly timeMs: number;
  readonly appendedAtMs: number;
  readonly value: number;
  readonly logRef: string;
  readonly ordinal: number;
}

export interface ExpectedAlert {
  readonly start: Sample;
  readonly raisedAtMs: number;
  /** undefined: it still stands */
  readonly returnedAtMs: number | undefined;
}

/**
 * The alerts of one rule on one machine, read off its samples in log order, each time by looking ahead from the sample
 * that begins something. A condition that must hold for a while holds from its first sample until a sample contradicts
 * it; the while is over when a sample's own time or its append time lies beyond it, or when no sample follows any more
 * (then the clock ends it).
 */
export function expectedAlerts(rule: SentRule, all: readonly Sample[]): ExpectedAlert[] {
  const samples = inOrder(all);
  const isBeyond = (value: number) => compare(rule.op, value, rule.limit);
  const isUp = rule.op.startsWith(">");
  const backLimit = isUp ? rule.limit - rule.deadBand : rule.limit + rule.deadBand;
  const isBack = (value: number) => !compare(rule.op, value, backLimit);

  const alerts: ExpectedAlert[] = [];
  for (let from = 0; from < samples.length;) {
    const raised = firstHeld(samples, from, isBeyond, rule.onDelayMs);
    if (raised === undefined) break;
    const returned = firstHeld(samples, raised.next, isBack, rule.offDelayMs);
    alerts.push({ start: raised.start, raisedAtMs: raised.atMs, returnedAtMs: returned?.atMs });
    if (returned === undefined) break;
    from = returned.next;
  }
  return alerts;
}

/** Late samples change nothing. */
function inOrder(all: readonly Sample[]): Sample[] {
  let newestMs = -Infinity;
  return all.filter(({ timeMs }) => {
    const isLate = timeMs < newestMs;
    newestMs = Math.max(newestMs, timeMs);
    return !isLate;
  });
}

interface Held {
  readonly start: Sample;
  readonly atMs: number;
  /** The first sample that has not been looked at. */
  readonly next: number;
}

/** The first stretch of samples from `from` on that fulfils `holds` for `delayMs`. */
function firstHeld(
  samples: readonly Sample[],
  from: number,
  holds: (value: number) => boolean,
  delayMs: number,
): Held | undefined {
  for (let first = from; first < samples.length; first++) {
    const start = samples[first]!;
    if (!holds(start.value)) continue;
    if (delayMs === 0) return { start, atMs: start.timeMs, next: first + 1 };
    const rest = samples.slice(first + 1);
    const isPast = (sample: Sample) =>
      sample.timeMs > start.timeMs + delayMs || sample.appendedAtMs > start.appendedAtMs + delayMs;
    const end = rest.findIndex(
      (sample) => isPast(sample) || !holds(sample.value) || sample.timeMs === start.timeMs + delayMs,
    );
    const ending = rest[end];
    if (ending === undefined) return { start, atMs: start.timeMs + delayMs, next: samples.length };
    if (isPast(ending)) return { start, atMs: start.timeMs + delayMs, next: first + 1 + end };
    if (holds(ending.value)) return { start, atMs: ending.timeMs, next: first + 2 + end };
    first += 1 + end; // contradicted: whatever begins next, begins behind it
  }
  return undefined;
}

function compare(op: SentRule["op"], value: number, limit: number): boolean {
  if (op === ">") return value > limit;
  if (op === ">=") return value >= limit;
  if (op === "<") return value < limit;
  return value <= limit;
}
