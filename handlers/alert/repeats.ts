import type pg from "pg";
import { lockBatches, saveBatches } from "../../data/batch.ts";
import { admit, batchKeys, type BatchedRecord } from "../ingest/admit.ts";
import { batchPart } from "../ingest/decode.ts";
import { tenantId } from "../../model/tenant.ts";
import type { PartitionBatch } from "./evaluation.ts";

const MEMORY = "catalog.alert_batch";

/**
 * Leaves out what a client sent again, by the rule that ingest has for it: what adds no row must ring no bell. Event
 * time alone would not do: a repeated reading with the newest time of its machine is not late, and of two readings at
 * one instant, one hot and one cold, a retry would make a second alert.
 */
export async function withoutRepeats(
  tx: pg.ClientBase,
  batches: readonly PartitionBatch[],
): Promise<readonly PartitionBatch[]> {
  const batched = batches.flatMap(({ tenant, records }) =>
    records.flatMap((source): BatchedRecord[] => {
      const batch = batchPart(source.headers, source.value);
      return batch === undefined ? [] : [{ tenant: tenantId.parse(tenant), batch, source }];
    }),
  );
  if (batched.length === 0) return batches;
  const { admitted, learnt } = admit(batched, await lockBatches(tx, MEMORY, batchKeys(batched)));
  await saveBatches(tx, MEMORY, learnt);
  if (admitted.length === batched.length) return batches;
  const fresh = new Set(admitted);
  const repeats = new Set(batched.filter((one) => !fresh.has(one)).map(({ source }) => source));
  return batches.map((batch) => ({
    ...batch,
    records: batch.records.filter((record) => !repeats.has(record)),
  }));
}
