import type { ClientBase } from "pg";
import { DEAD_LETTER_DAYS, REPLAY_PREFIX } from "../model/dead-letter.ts";
import type { TenantId } from "../model/tenant.ts";
import { isNotFrozen } from "./cell/freeze.ts";
import type { Queryable } from "./pool.ts";

/** Each consumer remembers batches with its own positions: ingest in the cell, the alert engine in the catalog. */
export type BatchTable = "millwright.batch" | "catalog.alert_batch";

/**
 * Longer than the log keeps a record, plus the 24 hours of a batch id: whoever still reads the log, however far
 * behind, finds the batches that its records must be compared with.
 */
const BATCH_DAYS = 9;
/** As long as a letter can be replayed once more, and the log keeps that record. */
const REPLAY_DAYS = DEAD_LETTER_DAYS + BATCH_DAYS;

/** Which parts of a client's batch have been taken. */
export interface Batch {
  readonly tenant: TenantId;
  readonly batchId: string;
  /** Hash of the whole request body: the same id with another hash is another body. */
  readonly contentHash: string;
  readonly parts: ReadonlySet<number>;
  readonly appendedAtMs: number;
}

export interface BatchKey {
  readonly tenant: TenantId;
  readonly batchId: string;
}

/**
 * Locks the batches until the transaction ends, in order, and answers those that are known. Unknown ones are locked
 * too: a row without parts is written, or two parts with different bodies could both think they came first.
 */
export async function lockBatches(
  tx: ClientBase,
  table: BatchTable,
  keys: readonly BatchKey[],
): Promise<readonly Batch[]> {
  if (keys.length === 0) return [];
  const { rows } = await tx.query<{
    tenant: TenantId;
    batch_id: string;
    content_hash: string;
    parts: number[];
    appended_at: Date;
  }>(
    `insert into ${table} as known (tenant, batch_id, content_hash, parts, appended_at)
     select tenant, batch_id, '', '{}', '-infinity' from unnest($1::text[], $2::text[]) as k (tenant, batch_id)
      order by tenant, batch_id
     on conflict (tenant, batch_id) do update set content_hash = known.content_hash
     returning tenant, batch_id, content_hash, parts, appended_at`,
    [keys.map(({ tenant }) => tenant), keys.map(({ batchId }) => batchId)],
  );
  return rows
    .filter(({ parts }) => parts.length > 0)
    .map(({ tenant, batch_id: batchId, content_hash: contentHash, parts, appended_at: appendedAt }) => {
      return { tenant, batchId, contentHash, parts: new Set(parts), appendedAtMs: appendedAt.getTime() };
    });
}

/** Writes batches that {@link lockBatches} locked. */
export async function saveBatches(
  tx: ClientBase,
  table: BatchTable,
  batches: readonly Batch[],
): Promise<void> {
  if (batches.length === 0) return;
  // as JSON: unnest flattens an array of arrays
  const rows = batches.map(({ tenant, batchId, contentHash, parts, appendedAtMs }) => ({
    tenant,
    batch_id: batchId,
    content_hash: contentHash,
    parts: [...parts],
    appended_at: new Date(appendedAtMs).toISOString(),
  }));
  await tx.query(
    `update ${table} as known set content_hash = b.content_hash, parts = b.parts, appended_at = b.appended_at
       from jsonb_to_recordset($1::jsonb)
         as b (tenant text, batch_id text, content_hash text, parts int[], appended_at timestamptz)
      where (known.tenant, known.batch_id) = (b.tenant, b.batch_id)`,
    [JSON.stringify(rows)],
  );
}

/** Deletes batches that no record of the log can belong to. */
export async function forgetBatches(db: Queryable, table: BatchTable): Promise<void> {
  await db.query(
    `delete from ${table}
      where appended_at < now() - make_interval(days => case when starts_with(batch_id, $3) then $2::int else $1::int end)
        and parts <> '{}'${table === "millwright.batch" ? ` and ${isNotFrozen("batch.tenant")}` : ""}`,
    [BATCH_DAYS, REPLAY_DAYS, REPLAY_PREFIX],
  );
}
