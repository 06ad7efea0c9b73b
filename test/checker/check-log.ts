import { isAcked, type JournaledRecord } from "./journal.ts";
import type { LogEntry } from "./log-entries.ts";

/** What was acknowledged is in the log, nothing else is, and a connection's records of a machine are in order. */
export function logFindings(
  topic: string,
  log: readonly LogEntry[],
  records: ReadonlyMap<number, JournaledRecord>,
): string[] {
  const found: string[] = [];
  const offsets = new Map<number, LogEntry[]>();
  for (const entry of log) {
    if (entry.headers["kind"] === "tick") continue; // the log's own: carries no readings
    const record = records.get(Number(entry.headers["record"]));
    const place = `${topic}/${entry.partition}@${entry.offset}`;
    if (record === undefined) found.push(`log: ${place} holds a record that nobody sent`);
    else if (Buffer.from(record.value, "base64").compare(entry.value) !== 0)
      found.push(`log: ${place} differs from record ${record.record} as it was sent`);
    else if (entry.partition !== record.partition)
      found.push(`log: record ${record.record} was sent to partition ${record.partition}, lies at ${place}`);
    if (record !== undefined) offsets.set(record.record, [...(offsets.get(record.record) ?? []), entry]);
  }
  for (const record of records.values()) {
    const count = offsets.get(record.record)?.length ?? 0;
    if (isAcked(record) && count === 0) found.push(`log: acknowledged record ${record.record} is lost`);
    const acked = record.outcomes.filter((outcome) => outcome === "acked").length;
    if (count < acked) found.push(`log: record ${record.record} was taken ${acked} times, is there ${count}`);
    if (count > Math.max(1, record.outcomes.length))
      found.push(`log: record ${record.record} was sent ${record.outcomes.length} times, is there ${count}`);
  }
  return [...found, ...orderFindings(records, offsets)];
}

/** Of records that were acknowledged: one whose fate is unknown may arrive late. */
function orderFindings(
  records: ReadonlyMap<number, JournaledRecord>,
  offsets: ReadonlyMap<number, readonly LogEntry[]>,
): string[] {
  const found: string[] = [];
  const last = new Map<string, { readonly record: number; readonly offset: bigint }>();
  for (const record of [...records.values()].filter(isAcked)) {
    const first = offsets.get(record.record)?.[0];
    if (first === undefined) continue;
    for (const machineId of new Set(record.readings.map((reading) => reading.machineId))) {
      const key = `${record.connection} ${record.partition} ${machineId}`;
      const before = last.get(key);
      if (before !== undefined && before.offset >= first.offset)
        found.push(`order: record ${record.record} of ${machineId} lies before record ${before.record}`);
      last.set(key, { record: record.record, offset: first.offset });
    }
  }
  return found;
}
