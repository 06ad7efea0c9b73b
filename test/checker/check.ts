import type { Evidence } from "./evidence.ts";
import type { JournaledRecord } from "./journal.ts";
import { alertFindings, deliveryFindings } from "./check-alerts.ts";
import { publishedFindings } from "./check-published.ts";
import { journalFindings } from "./check-journal.ts";
import { logFindings } from "./check-log.ts";
import { tableFindings } from "./check-tables.ts";
import { takenEntries } from "./expected-rows.ts";

/**
 * Compares what was sent, what the log holds and what the tables hold, and says in words where they differ. Shares no
 * code with the handlers: what it knows of them is PROTOCOLS and the API's contract, written anew.
 * @returns nothing when every reading is there exactly once and every alert is the one that it must be
 */
export function findings(evidence: Evidence): string[] {
  const { tenant, topic, journal } = evidence;
  const log = evidence.log.filter(({ headers }) => (headers["tenant"] ?? tenant) === tenant);
  const records = new Map<number, JournaledRecord>(
    [...journal.records].filter(([, record]) => record.tenant === tenant),
  );
  const taken = takenEntries(topic, log, records);
  return [
    ...logFindings(topic, log, records),
    ...journalFindings(records, evidence.cell),
    ...tableFindings(evidence, taken),
    ...alertFindings(
      journal.rules.filter((rule) => rule.tenant === tenant),
      taken,
      evidence.alerts,
    ),
    ...deliveryFindings(evidence),
    ...publishedFindings(evidence),
  ].map((finding) => `${tenant}: ${finding}`);
}
