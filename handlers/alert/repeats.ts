import type pg from "pg";
import { lockBatches, saveBatches } from "../../data/batch.ts";
import { admit, batchKeys, type BatchedRecord } from "../ingest/admit.ts";
import { batchPart } from "../ingest/decode.ts";
import type { Seek } from "../../data/event-log/event-log.ts";
import type { PartitionBatch } from "./evaluation.ts";

const MEMORY = "catalog.alert_batch";

interface Fresh {
  readonly batches: readonly PartitionBatch[];
  /** Keeps in mind what was taken of them, in the same transaction. */
  readonly remember: (isTaken: (record: Seek) => boolean) => Promise<void>;
}

/**
 * Leaves out what a client sent again, by the rule that ingest has for it: what adds no row must ring no bell. Event
 * time alone would not do: a repeated reading with the newest time of its machine is not late, and of two readings at
 * one instant, one hot and one cold, a retry would make a second alert.
 */
export async function withoutRepeats(tx: pg.ClientBase, batches: readonly PartitionBatch[]): Promise<Fresh> {
  const batched = batches.flatMap(({ records }) =>
    records.flatMap(({ tenant, source }): BatchedRecord[] => {
      const batch = batchPart(source.headers, source.value);
      return batch === undefined ? [] : [{ tenant, batch, source }];
    }),
  );
  if (batched.length === 0) return { batches, remember: () => Promise.resolve() };
  const known = await lockBatches(tx, MEMORY, batchKeys(batched));
  const fresh = new Set(admit(batched, known).admitted);
  const repeats = new Set(batched.filter((one) => !fresh.has(one)).map(({ source }) => source));
  return {
    batches: batches.map((batch) => ({
      ...batch,
      records: batch.records.filter(({ source }) => !repeats.has(source)),
    })),
    remember: (isTaken) => {
      const taken = batched.filter((one) => fresh.has(one) && isTaken(one.source));
      return saveBatches(tx, MEMORY, admit(taken, known).learnt);
    },
  };
}
