import type { Batch, BatchKey } from "../../data/batch.ts";
import { isReplay } from "../../model/dead-letter.ts";
import type { DecodedRecord } from "./decode.ts";

/** A client may send a batch again for this long, by the append times of the log. */
export const BATCH_MEMORY_MS = 24 * 3_600_000;

/** What decides about a record, whoever consumes it. */
export type BatchedRecord = Pick<DecodedRecord, "tenant" | "batch" | "source">;

/** What became of records that belong to clients' batches. */
export interface Admission<T extends BatchedRecord> {
  /** Records to take, in the order given. */
  readonly admitted: readonly T[];
  /** Records whose batch id stands for another body. */
  readonly reused: readonly T[];
  /** Batches that learnt a part, to be saved. */
  readonly learnt: readonly Batch[];
}

/** The batches that the records belong to, each once, sorted. */
export function batchKeys(records: readonly BatchedRecord[]): readonly BatchKey[] {
  const keys = new Map<string, BatchKey>();
  for (const { tenant, batch } of records)
    if (batch !== undefined) keys.set(keyOf(tenant, batch.id), { tenant, batchId: batch.id });
  return [...keys].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, key]) => key);
}

/**
 * Decides by append time, so whoever reads the same log later decides the same: a part that is known adds nothing, a
 * known id with another content hash adds nothing and is kept as a dead letter. Two different bodies under one id
 * that arrive at the same moment in two partitions are ordered by commit: the first wins, and its rows are all stored.
 * The replay of a dead letter is remembered for good: a second one is a mistake, however late.
 */
export function admit<T extends BatchedRecord>(records: readonly T[], known: readonly Batch[]): Admission<T> {
  const batches = new Map(known.map((batch) => [keyOf(batch.tenant, batch.batchId), batch]));
  const learnt = new Map<string, Batch>();
  const admitted: T[] = [];
  const reused: T[] = [];
  for (const record of records) {
    const { tenant, batch } = record;
    if (batch === undefined) {
      admitted.push(record);
      continue;
    }
    const { appendedAtMs } = record.source;
    const key = keyOf(tenant, batch.id);
    const before = batches.get(key);
    const isForgotten = ({ appendedAtMs: at }: Batch) =>
      !isReplay(batch.id) && appendedAtMs - at > BATCH_MEMORY_MS;
    const isFresh = before === undefined || isForgotten(before);
    if (!isFresh && before.contentHash !== batch.contentHash) {
      reused.push(record);
    } else if (isFresh || !before.parts.has(batch.part)) {
      const after = {
        ...{ tenant, batchId: batch.id, contentHash: batch.contentHash },
        parts: new Set(isFresh ? [batch.part] : [...before.parts, batch.part]),
        appendedAtMs: isFresh ? appendedAtMs : before.appendedAtMs,
      };
      batches.set(key, after);
      learnt.set(key, after);
      admitted.push(record);
    }
  }
  return { admitted, reused, learnt: [...learnt.values()] };
}

function keyOf(tenant: string, batchId: string): string {
  return `${tenant} ${batchId}`; // no id of ours has a space
}
