/** Why a message, or a reading of it, is kept and can never become a row. */
export const REFUSED_REASONS = [
  "topic-invalid",
  "machine-forbidden",
  "identity-mismatch",
  "record-undecodable",
  "record-too-large",
  "reading-invalid",
  "time-out-of-range",
  "machine-unknown",
] as const;
export type RefusedReason = (typeof REFUSED_REASONS)[number];

export interface Refusal {
  readonly reason: RefusedReason;
  /** For the people who look into it. */
  readonly message: string;
}

const MESSAGE_LIMIT = 500;

/**
 * Headers of a record whose value is what was sent, as it was sent, and holds no readings to be taken: ingest keeps it
 * as a dead letter. So a message whose sender cannot be told is not lost, and is not delivered again for ever.
 */
export function refusalHeaders({ reason, message }: Refusal): Readonly<Record<string, string>> {
  return { refused: reason, "refused-because": message.slice(0, MESSAGE_LIMIT).toWellFormed() };
}

/** undefined: the record's value is readings */
export function refusalIn(headers: Readonly<Record<string, string>>): Refusal | undefined {
  const reason = REFUSED_REASONS.find((known) => known === headers["refused"]);
  return reason && { reason, message: headers["refused-because"] ?? "" };
}
