import { logRefOf, type LogEntry } from "./log-entries.ts";
import type { JournaledRecord, SentReading } from "./journal.ts";

/** A record of the log that the producer sent, with what it must add to the tables. */
export interface TakenEntry {
  readonly entry: LogEntry;
  readonly logRef: bigint;
  readonly record: JournaledRecord;
  /** Readings to store; none when a batch brought the same before. */
  readonly rows: readonly SentReading[];
  readonly deadLetters: readonly { readonly ordinal: number | null; readonly reason: string }[];
  /** Whether its rows and bytes are metered. */
  readonly isMetered: boolean;
}

/**
 * Walks the log in order and says of each record what it adds: all of its good readings, unless the same part of the
 * same batch came before; a dead letter for a batch id that stands for another body.
 */
export function takenEntries(
  topic: string,
  log: readonly LogEntry[],
  records: ReadonlyMap<number, JournaledRecord>,
): TakenEntry[] {
  const batches = new Map<string, { readonly hash: string; readonly parts: Set<number> }>();
  return log.flatMap((entry): TakenEntry[] => {
    const record = records.get(Number(entry.headers["record"]));
    if (record === undefined) return [];
    const taken = { entry, record, logRef: logRefOf(topic, entry) };
    const nothing = { ...taken, rows: [], deadLetters: [], isMetered: false };
    if (record.batch !== undefined) {
      const { id, part, hash } = record.batch;
      const known = batches.get(id) ?? { hash, parts: new Set<number>() };
      batches.set(id, known);
      if (known.hash !== hash)
        return [{ ...nothing, deadLetters: [{ ordinal: null, reason: "batch-id-reused" }] }];
      if (known.parts.has(part)) return [nothing];
      known.parts.add(part);
    }
    const deadLetters = record.readings.flatMap(({ ordinal, refusal }) =>
      refusal === undefined ? [] : [{ ordinal, reason: refusal }],
    );
    if (record.refusal !== undefined) deadLetters.push({ ordinal: null as never, reason: record.refusal });
    const rows = record.readings.filter(({ refusal }) => refusal === undefined);
    return [{ ...taken, rows, deadLetters, isMetered: true }];
  });
}
