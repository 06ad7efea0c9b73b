import type { Condition } from "./rule.ts";

/**
 * Two machines that nobody mixes up.
 *
 * The **condition** of one rule on one machine belongs to the engine and runs on readings alone. *Normal*: the value is
 * behind the limit; left by a value beyond it. *Pending*: beyond the limit, the on-delay not over; left to normal by
 * any value that is not beyond, to raised when the delay is over. *Raised*: one alert stands; left by a value behind
 * limit and dead band. *Returning*: behind both, the off-delay not over; left to raised by any value that is not, to
 * normal when the delay is over. Without a delay pending and returning are passed in no time. It is kept with the
 * log position in one transaction, so a crash leaves the state of the last committed batch and the rest is read again.
 *
 * The **alert state** of ISA-18.2 is what an operator sees: *unacknowledged* while the condition stands and nobody has
 * taken it, *acknowledged* once somebody has, *returned-unacknowledged* when it went away unseen, *normal* when it is
 * gone and seen; *shelved* covers the first three until an instant. It is computed from the engine's instants and the
 * people's, each written by its owner only, so a replay can never undo an acknowledgement.
 */
export const ALERT_STATES = [
  "unacknowledged",
  "acknowledged",
  "returned-unacknowledged",
  "normal",
  "shelved",
] as const;
export type AlertState = (typeof ALERT_STATES)[number];

export interface AlertInstants {
  readonly returnedAtMs: number | undefined;
  readonly acknowledgedAtMs: number | undefined;
  readonly shelvedUntilMs: number | undefined;
}

export function alertState(instants: AlertInstants, nowMs: number): AlertState {
  const { returnedAtMs, acknowledgedAtMs, shelvedUntilMs } = instants;
  if (returnedAtMs !== undefined && acknowledgedAtMs !== undefined) return "normal";
  if (shelvedUntilMs !== undefined && shelvedUntilMs > nowMs) return "shelved";
  if (returnedAtMs !== undefined) return "returned-unacknowledged";
  return acknowledgedAtMs === undefined ? "unacknowledged" : "acknowledged";
}

/** One value at its instant, with its record's append time: the log's clock, next to the machine's. */
export interface Observation {
  readonly timeMs: number;
  readonly appendedAtMs: number;
  readonly value: number;
}

/** The observation that began a pending condition or an alert, with what identifies it. */
export interface Start extends Observation {
  readonly producedAtMs: number | null;
  /** Log reference in decimal digits: it has to survive JSON. */
  readonly logRef: string;
  readonly ordinal: number;
}

export type ConditionState =
  | { readonly phase: "normal" }
  | { readonly phase: "pending"; readonly start: Start }
  | { readonly phase: "raised"; readonly alert: Start }
  | { readonly phase: "returning"; readonly alert: Start; readonly since: Observation };

export const NORMAL: ConditionState = { phase: "normal" };

/** What became of an alert; `alert` is the observation that began it and so its identity. */
export interface Transition {
  readonly kind: "raised" | "returned";
  readonly alert: Start;
  /** Event time. */
  readonly atMs: number;
}

export interface Step {
  readonly state: ConditionState;
  readonly transitions: readonly Transition[];
}

/**
 * Lets time pass without a value: a delay ends when the machine's clock or the log's has gone beyond it, the last value
 * holding meanwhile. Strictly beyond: a value at the very end of the delay still decides itself.
 *
 * Both clocks, because each alone is wrong: the machine's stands still when it sends no more, the log's runs through a
 * buffered hour in a second. Both are read from the log, so a replay takes the same steps as the first run.
 */
export function elapse(state: ConditionState, condition: Condition, clock: Omit<Observation, "value">): Step {
  const isOver = (since: Observation, delayMs: number) =>
    clock.timeMs > since.timeMs + delayMs || clock.appendedAtMs > since.appendedAtMs + delayMs;
  if (state.phase === "pending" && isOver(state.start, condition.onDelayMs)) {
    return raise(state.start, state.start.timeMs + condition.onDelayMs);
  }
  if (state.phase === "returning" && isOver(state.since, condition.offDelayMs)) {
    return leave(state.alert, state.since.timeMs + condition.offDelayMs);
  }
  return { state, transitions: [] };
}

/** Takes one reading that is not late. The caller has refused readings dated beyond append time + tolerance. */
export function evaluate(state: ConditionState, condition: Condition, seen: Start): Step {
  const before = elapse(state, condition, seen);
  const after = observe(before.state, condition, seen);
  return { state: after.state, transitions: [...before.transitions, ...after.transitions] };
}

function observe(state: ConditionState, condition: Condition, seen: Start): Step {
  const { onDelayMs, offDelayMs } = condition;
  const stay: Step = { state, transitions: [] };
  switch (state.phase) {
    case "normal":
      if (!isBeyond(condition, seen.value)) return stay;
      return onDelayMs === 0
        ? raise(seen, seen.timeMs)
        : { state: { phase: "pending", start: seen }, transitions: [] };
    case "pending":
      if (!isBeyond(condition, seen.value)) return { state: NORMAL, transitions: [] };
      return seen.timeMs >= state.start.timeMs + onDelayMs ? raise(state.start, seen.timeMs) : stay;
    case "raised":
      if (!isBack(condition, seen.value)) return stay;
      if (offDelayMs === 0) return leave(state.alert, seen.timeMs);
      return { state: { phase: "returning", alert: state.alert, since: seen }, transitions: [] };
    case "returning":
      if (!isBack(condition, seen.value))
        return { state: { phase: "raised", alert: state.alert }, transitions: [] };
      return seen.timeMs >= state.since.timeMs + offDelayMs ? leave(state.alert, seen.timeMs) : stay;
  }
}

/** The instant of the log's clock behind which {@link elapse} would change the state; undefined when none does. */
export function deadlineMs(state: ConditionState, condition: Condition): number | undefined {
  if (state.phase === "pending") return state.start.appendedAtMs + condition.onDelayMs;
  if (state.phase === "returning") return state.since.appendedAtMs + condition.offDelayMs;
  return undefined;
}

function raise(start: Start, atMs: number): Step {
  return { state: { phase: "raised", alert: start }, transitions: [{ kind: "raised", alert: start, atMs }] };
}

function leave(alert: Start, atMs: number): Step {
  return { state: NORMAL, transitions: [{ kind: "returned", alert, atMs }] };
}

function isBeyond({ op, limit }: Condition, value: number): boolean {
  switch (op) {
    case ">":
      return value > limit;
    case ">=":
      return value >= limit;
    case "<":
      return value < limit;
    case "<=":
      return value <= limit;
  }
}

/** Behind the limit by the dead band: a value that wavers around the limit raises one alert, not many. */
function isBack(condition: Condition, value: number): boolean {
  const { op, limit, deadBand } = condition;
  return !isBeyond({ ...condition, limit: op.startsWith(">") ? limit - deadBand : limit + deadBand }, value);
}
