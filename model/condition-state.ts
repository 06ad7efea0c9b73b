import type { Condition, Delays } from "./condition.ts";
import type { Sample } from "./rate.ts";

/**
 * The **condition** of one rule on one machine belongs to the engine and runs on readings alone. *Normal*: the value is
 * behind the limit; left by a value beyond it. *Pending*: beyond the limit, the on-delay not over; left to normal by
 * any value that is not beyond, to raised when the delay is over. *Raised*: one alert stands; left by a value behind
 * limit and dead band. *Returning*: behind both, the off-delay not over; left to raised by any value that is not, to
 * normal when the delay is over. Without a delay pending and returning are passed in no time.
 *
 * A rule on missing data knows *watched* in the place of normal and pending: the machine has reported, and the on-delay
 * runs from its last reading. What that was stands with the machine, so a reading writes no state.
 *
 * The state is kept with the log position in one transaction, so a crash leaves the state of the last committed batch
 * and the rest is read again.
 */
export type ConditionState = Phase & {
  /** Of a rate: what later values are compared with. */
  readonly samples?: readonly Sample[];
};

type Phase =
  | { readonly phase: "normal" }
  | { readonly phase: "pending"; readonly start: Start }
  | { readonly phase: "raised"; readonly alert: Start }
  | { readonly phase: "returning"; readonly alert: Start; readonly since: Instant }
  | {
      readonly phase: "watched";
      /** Watching began then, by the log's clock: silence before it does not count. */
      readonly fromMs: number;
    };

export const NORMAL: ConditionState = { phase: "normal" };

/** What a rule makes of a value: beyond its limit, back behind limit and dead band, or between the two. */
export type Verdict = "beyond" | "between" | "back";

/** Number, token or, of an expression, the values that it saw; null where nothing was reported. */
export type AlertValue = number | string | null;

/** Event time with the record's append time: the log's clock, next to the machine's. */
export interface Instant {
  readonly timeMs: number;
  readonly appendedAtMs: number;
}

/** A reading's place in the log and on both clocks. */
export interface Place extends Instant {
  /** Log reference in decimal digits: it has to survive JSON. */
  readonly logRef: string;
  readonly ordinal: number;
}

/** The reading that began a pending condition or an alert, with what identifies it. */
export interface Start extends Place {
  readonly value: AlertValue;
  readonly producedAtMs: number | null;
  /** Of missing data: when the silence after this reading became an alert, by the log's clock. */
  readonly deadlineMs?: number;
  /** The rule whose alert explains this one, while it does. */
  readonly suppressedBy?: string;
}

/** What became of an alert; `alert` is the reading that began it and so its identity. */
export interface Transition {
  readonly kind: "raised" | "returned";
  readonly alert: Start;
  /** Event time. */
  readonly atMs: number;
  /** The log's clock then: of the record that brought it, or at which a delay was over. */
  readonly loggedAtMs: number;
}

export interface Step {
  readonly state: ConditionState;
  readonly transitions: readonly Transition[];
}

/** Takes a value of a reading that is not late. The caller has refused readings dated beyond append time + tolerance. */
export function evaluate(state: ConditionState, condition: Delays, verdict: Verdict, seen: Start): Step {
  const byLog = elapse(state, condition, seen.appendedAtMs);
  const byMachine = elapseEventTime(byLog.state, condition, seen);
  const after = observe(byMachine.state, condition, verdict, seen);
  return {
    state: after.state,
    transitions: [...byLog.transitions, ...byMachine.transitions, ...after.transitions],
  };
}

/**
 * Lets the log's clock pass without a value: a delay ends when it has gone beyond it, the last value holding meanwhile.
 * Strictly beyond: a value at the very end of the delay still decides itself. A timer calls this for a machine that
 * sends no more, and {@link evaluate} before each value, so a replay takes the same steps as the first run.
 */
export function elapse(state: ConditionState, condition: Delays, logMs: number): Step {
  const endsAtMs = delayEndMs(state, condition);
  if (endsAtMs === undefined || logMs <= endsAtMs) return stay(state);
  return end(state, condition, endsAtMs);
}

/** The machine's clock, because the log's runs through a buffered hour in a second. */
function elapseEventTime(state: ConditionState, condition: Delays, seen: Start): Step {
  const isOver =
    (state.phase === "pending" && seen.timeMs > state.start.timeMs + condition.onDelayMs) ||
    (state.phase === "returning" && seen.timeMs > state.since.timeMs + condition.offDelayMs);
  return isOver ? end(state, condition, seen.appendedAtMs) : stay(state);
}

/** Ends the delay that runs. */
function end(state: ConditionState, { onDelayMs, offDelayMs }: Delays, loggedAtMs: number): Step {
  if (state.phase === "pending") return raise(state.start, state.start.timeMs + onDelayMs, loggedAtMs);
  if (state.phase === "returning") return leave(state.alert, state.since.timeMs + offDelayMs, loggedAtMs);
  return stay(state);
}

function observe(
  state: ConditionState,
  { onDelayMs, offDelayMs }: Delays,
  verdict: Verdict,
  seen: Start,
): Step {
  switch (state.phase) {
    case "watched":
    case "normal":
      if (verdict !== "beyond") return stay(state);
      return onDelayMs === 0
        ? raise(seen, seen.timeMs, seen.appendedAtMs)
        : to({ phase: "pending", start: seen });
    case "pending":
      if (verdict !== "beyond") return to(NORMAL);
      return seen.timeMs >= state.start.timeMs + onDelayMs
        ? raise(state.start, seen.timeMs, seen.appendedAtMs)
        : stay(state);
    case "raised":
      if (verdict !== "back") return stay(state);
      return offDelayMs === 0
        ? leave(state.alert, seen.timeMs, seen.appendedAtMs)
        : to({ phase: "returning", alert: state.alert, since: seen });
    case "returning":
      if (verdict !== "back") return to({ phase: "raised", alert: state.alert });
      return seen.timeMs >= state.since.timeMs + offDelayMs
        ? leave(state.alert, seen.timeMs, seen.appendedAtMs)
        : stay(state);
  }
}

/** Takes a reading for a rule on missing data: any is a sign of life. Silence before it has been {@link elapseSilence}d. */
export function evaluatePresence(state: ConditionState, { offDelayMs }: Delays, seen: Start): Step {
  const watched: ConditionState = { phase: "watched", fromMs: seen.appendedAtMs };
  switch (state.phase) {
    case "raised":
      if (offDelayMs > 0) return to({ phase: "returning", alert: state.alert, since: seen });
      return { ...leave(state.alert, seen.timeMs, seen.appendedAtMs), state: watched };
    case "returning":
      if (seen.appendedAtMs < state.since.appendedAtMs + offDelayMs) return stay(state);
      return { ...leave(state.alert, seen.timeMs, seen.appendedAtMs), state: watched };
    case "watched":
      return stay(state);
    default:
      return to(watched);
  }
}

/**
 * Lets the log's clock pass for a rule on missing data. Event time plays no part: it stands still when the machine is
 * silent, and runs through a buffered hour in a second. The deadline makes the alert's identity with the last reading.
 * @param last - the machine's last reading that was not late
 */
export function elapseSilence(state: ConditionState, condition: Delays, last: Place, logMs: number): Step {
  const endsAtMs = silenceEndMs(state, condition, last);
  if (endsAtMs === undefined || logMs <= endsAtMs) return stay(state);
  if (state.phase === "watched") {
    return raise({ ...last, value: null, producedAtMs: null, deadlineMs: endsAtMs }, endsAtMs, endsAtMs);
  }
  if (state.phase !== "returning") return stay(state);
  const isSilentAgain = endsAtMs < state.since.appendedAtMs + condition.offDelayMs;
  if (isSilentAgain) return to({ phase: "raised", alert: state.alert });
  const watched: ConditionState = { phase: "watched", fromMs: state.since.appendedAtMs };
  return { ...leave(state.alert, endsAtMs, endsAtMs), state: watched };
}

/**
 * The instant of the log's clock behind which time alone changes the state; undefined when it does not.
 * @param last - the machine's last reading, which a rule on missing data needs
 */
export function deadlineMs(state: ConditionState, condition: Condition, last?: Place): number | undefined {
  if (condition.kind !== "no-data") return delayEndMs(state, condition);
  return last === undefined ? undefined : silenceEndMs(state, condition, last);
}

/** Whether an alert of this rule stands on the machine. */
export function isStanding(state: ConditionState | undefined): boolean {
  return state?.phase === "raised" || state?.phase === "returning";
}

function delayEndMs(state: ConditionState, { onDelayMs, offDelayMs }: Delays): number | undefined {
  if (state.phase === "pending") return state.start.appendedAtMs + onDelayMs;
  if (state.phase === "returning") return state.since.appendedAtMs + offDelayMs;
  return undefined;
}

function silenceEndMs(
  state: ConditionState,
  { onDelayMs, offDelayMs }: Delays,
  last: Place,
): number | undefined {
  const silentAtMs = last.appendedAtMs + onDelayMs;
  if (state.phase === "watched") return Math.max(silentAtMs, state.fromMs + onDelayMs);
  if (state.phase === "returning") return Math.min(silentAtMs, state.since.appendedAtMs + offDelayMs);
  return undefined;
}

function stay(state: ConditionState): Step {
  return { state, transitions: [] };
}

function to(state: ConditionState): Step {
  return { state, transitions: [] };
}

function raise(start: Start, atMs: number, loggedAtMs: number): Step {
  return {
    state: { phase: "raised", alert: start },
    transitions: [{ kind: "raised", alert: start, atMs, loggedAtMs }],
  };
}

function leave(alert: Start, atMs: number, loggedAtMs: number): Step {
  return { state: NORMAL, transitions: [{ kind: "returned", alert, atMs, loggedAtMs }] };
}
