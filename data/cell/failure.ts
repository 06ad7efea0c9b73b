import { isOutage, sqlState } from "../pool.ts";

/**
 * What a failed write means:
 * - `data`: this row can never be stored (22 data exception, 23 integrity, 54000 too complex): dead letter.
 * - `outage`: the database is away, full or busy: retry; nothing is dead-lettered.
 * - `too-much`: TimescaleDB's decompression limit (53400): smaller transactions.
 * - `timeout`: 57014; the same again, then smaller.
 * - `misconfigured`: 42 and 3F, a table or right is missing: no retry helps before somebody acts.
 * - `unknown`: a few tries, then an alarm.
 */
export type FailureKind = "data" | "outage" | "too-much" | "timeout" | "misconfigured" | "unknown";

export function failureKind(error: unknown): FailureKind {
  const state = sqlState(error);
  if (state === undefined) return isOutage(error) ? "outage" : "unknown";
  if (/^2[23]|^54000$/.test(state)) return "data";
  if (state === "53400") return "too-much";
  if (state === "57014") return "timeout";
  if (/^(42|3F)/.test(state)) return "misconfigured";
  return isOutage(error) ? "outage" : "unknown";
}
