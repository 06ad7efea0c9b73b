/**
 * The **alert state** of ISA-18.2 is what an operator sees: *unacknowledged* while the condition stands and nobody has
 * taken it, *acknowledged* once somebody has, *returned-unacknowledged* when it went away unseen, *normal* when it is
 * gone and seen. Three states cover these: *shelved* until an instant, *suppressed* while an alert stands that explains
 * this one (and then nobody has to acknowledge its return), *out-of-service* while people have taken its rule or its
 * machine out of service. It is computed from the engine's instants and the people's, each written by its owner only,
 * so a replay can never undo an acknowledgement.
 */
export const ALERT_STATES = [
  "unacknowledged",
  "acknowledged",
  "returned-unacknowledged",
  "normal",
  "shelved",
  "suppressed",
  "out-of-service",
] as const;
export type AlertState = (typeof ALERT_STATES)[number];

export interface AlertFacts {
  readonly returnedAtMs: number | undefined;
  readonly acknowledgedAtMs: number | undefined;
  readonly shelvedUntilMs: number | undefined;
  /** Raised under a suppressor that has not returned since, or returned under it. */
  readonly isSuppressed: boolean;
  readonly isOutOfService: boolean;
}

export function alertState(facts: AlertFacts, nowMs: number): AlertState {
  const { returnedAtMs, acknowledgedAtMs, shelvedUntilMs, isSuppressed, isOutOfService } = facts;
  if (returnedAtMs !== undefined && (acknowledgedAtMs !== undefined || isSuppressed)) return "normal";
  if (isOutOfService) return "out-of-service";
  if (isSuppressed) return "suppressed";
  if (shelvedUntilMs !== undefined && shelvedUntilMs > nowMs) return "shelved";
  if (returnedAtMs !== undefined) return "returned-unacknowledged";
  return acknowledgedAtMs === undefined ? "unacknowledged" : "acknowledged";
}
