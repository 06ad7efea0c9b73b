import type pg from "pg";
import { LOG_RETENTION_MS } from "../../model/tenant-log.ts";
import type { Retention } from "./event-log.ts";

const CHUNK_RECORDS = 500; // one chunk holds the partition's lock: more would make appends wait

/** Of all topics of the embedded log. A day of readings at full rate fits. */
export const EMBEDDED_RETENTION: Retention = {
  maxAgeMs: LOG_RETENTION_MS,
  maxBytesPerPartition: 4 * 2 ** 30,
};

/**
 * Deletes what is too old or too much, in small transactions. `start_offset` moves in the transaction that deletes, so
 * a reader behind it gets "out of range" and never a silent gap.
 * @returns how many records were deleted
 */
export async function trimLog(pool: pg.Pool, { maxAgeMs, maxBytesPerPartition }: Retention): Promise<number> {
  const { rows: partitions } = await pool.query<{ id: number }>(
    "select id from partition where start_offset < end_offset order by id",
  );
  let deleted = 0;
  for (const { id } of partitions) {
    let chunk: number;
    do {
      chunk = await trimChunk(pool, id, maxAgeMs, maxBytesPerPartition);
      deleted += chunk;
    } while (chunk === CHUNK_RECORDS);
  }
  return deleted;
}

async function trimChunk(pool: pg.Pool, id: number, maxAgeMs: number, maxBytes: number): Promise<number> {
  const { rows } = await pool.query<{ deleted: number }>(
    `with held as materialized (select id, bytes - $3 as excess from partition where id = $1 for update),
          oldest as (
            select r.partition_id, r."offset", r.appended_at_ms, held.excess,
                   sum(octet_length(r.value)) over (order by r."offset") - octet_length(r.value) as before
              from held join lateral (
                     select * from record where partition_id = held.id order by "offset" limit ${CHUNK_RECORDS}) r on true),
          gone as (
            delete from record r using oldest o
             where r.partition_id = o.partition_id and r."offset" = o."offset"
               and (o.before < o.excess or o.appended_at_ms < extract(epoch from clock_timestamp()) * 1000 - $2)
            returning r."offset", octet_length(r.value) as size),
          moved as (
            update partition
               set start_offset = (select max("offset") + 1 from gone), bytes = bytes - (select sum(size) from gone)
             where id = $1 and exists (select from gone))
     select count(*)::int as deleted from gone`,
    [id, maxAgeMs, maxBytes],
  );
  return rows[0]?.deleted ?? 0;
}

/** Hides the topic at once, then deletes its records in chunks; killed in the middle, the next call goes on. */
export async function dropTopic(pool: pg.Pool, topic: string): Promise<void> {
  // until its records are deleted, a dropped partition has a name that no topic can have
  await pool.query("update partition set topic = topic || '#dropped-' || id where topic = $1", [topic]);
  const { rows } = await pool.query<{ id: number }>(
    "select id from partition where starts_with(topic, $1 || '#dropped-')",
    [topic],
  );
  for (const { id } of rows) {
    let deleted: number | null;
    do {
      ({ rowCount: deleted } = await pool.query(
        `delete from record where partition_id = $1 and "offset" in
           (select "offset" from record where partition_id = $1 order by "offset" limit ${CHUNK_RECORDS})`,
        [id],
      ));
    } while (deleted === CHUNK_RECORDS);
    await pool.query("delete from partition where id = $1", [id]);
  }
}
