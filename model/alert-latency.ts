/** The promise of seeds 001-003: from the receipt of a reading to the receiver's 2xx. An index of the catalog has it too. */
export const PROMISED_LATENCY_MS = 500;

/**
 * Where an alert's time goes: until its record is in the log, until the rules have seen it, until the alert is durable,
 * until the first receiver has taken it; and all together.
 */
export const LATENCY_STAGES = ["append", "evaluate", "commit", "send", "total"] as const;
export type LatencyStage = (typeof LATENCY_STAGES)[number];

/** Instants of one alert in ms since the epoch; null: unknown, or not yet. */
export interface AlertTimes {
  /** The reading's receipt by the platform; null when it came into the log by another way. */
  readonly produced: number | null;
  readonly appended: number;
  readonly evaluated: number;
  /** Taken after the commit, never before: the alert was durable by then. */
  readonly committed: number | null;
  /** The first receiver's 2xx. */
  readonly notified: number | null;
}

/** Milliseconds by stage; null where an end is missing. */
export type StageLatencies = Readonly<Record<LatencyStage, number | null>>;

/**
 * What a rule waits for on purpose (its on-delay, a silence) is no latency: the clock starts when the delay is over. A
 * machine that sends a buffered hour at once ends the delay in no time; the evaluation is then the start.
 *
 * @param delayMs - how long the rule made the alert wait, in event time
 * @param waitMs - how long the tenant's routing held the first notification: an escalation, hours, a full minute
 */
export function stageLatencies(times: AlertTimes, delayMs: number, waitMs = 0): StageLatencies {
  const { produced, appended, evaluated, committed, notified } = times;
  const dueAt = Math.min((produced ?? appended) + delayMs, evaluated);
  const sent = notified === null ? null : notified - waitMs;
  const since = (from: number | null, to: number | null) => (from === null || to === null ? null : to - from);
  return {
    append: since(produced, appended),
    evaluate: evaluated - Math.max(appended, dueAt),
    commit: since(evaluated, committed),
    send: since(committed, sent),
    total: since(dueAt, sent),
  };
}
