import type pg from "pg";
import { MillwrightError } from "../../model/errors.ts";
import { outOfRange } from "./out-of-range.ts";
import type { Horizon, LogRecord, OffsetBounds, ReadRecords, Seek, TopicPartition } from "./event-log.ts";

// One fetch holds at most this much; more would let a backlog of many tenants fill the consumer's memory.
const MAX_FETCH_BYTES = 4 << 20;
const MAX_RECORDS_PER_PARTITION = 256;
const MAX_PARTITIONS = 256;

/** A partition as the embedded log knows it. */
export interface PartitionId extends TopicPartition {
  readonly id: number;
}

export interface Cursor extends PartitionId {
  readonly next: bigint;
}

export interface Fetched {
  /** In offset order within each partition. */
  readonly records: readonly LogRecord[];
  readonly outOfRange: readonly { readonly seek: Seek; readonly id: number; readonly bounds: OffsetBounds }[];
}

interface FetchedRow {
  readonly place: number;
  readonly start_offset: bigint;
  readonly end_offset: bigint;
  readonly offset: bigint | null;
  readonly appended_at_ms: bigint;
  readonly headers: Record<string, string>;
  readonly value: Buffer;
}

/** Records behind each cursor, one query for all of them: a record of each partition in turn until the fetch is full. */
export async function fetchRecords(pool: pg.Pool, cursors: readonly Cursor[]): Promise<Fetched> {
  if (cursors.length === 0) return { records: [], outOfRange: [] };
  const { rows } = await pool.query<FetchedRow>({
    name: "log-fetch",
    // Offsets are dense and visible in order, because an append holds its partition's lock until it has committed:
    // whatever this snapshot sees below end_offset is complete.
    text: `with active as materialized (
             select c.place, c.id, c.next, p.start_offset, p.end_offset
               from unnest($1::int[], $2::bigint[]) with ordinality c(id, next, place) join partition p using (id)
              where c.next <> p.end_offset
              order by c.place limit ${MAX_PARTITIONS}),
           candidate as (
             select a.*, r.*, sum(octet_length(r.value)) over (order by r.turn, a.place) as total,
                    row_number() over (order by r.turn, a.place) as n
               from active a left join lateral (
                      select "offset", appended_at_ms, headers, value, row_number() over (order by "offset") as turn
                        from record
                       where partition_id = a.id and "offset" >= a.next and a.next between a.start_offset and a.end_offset
                       order by "offset" limit ${MAX_RECORDS_PER_PARTITION}) r on true)
           select place::int, start_offset, end_offset, "offset", appended_at_ms, headers, value
             from candidate where total <= ${MAX_FETCH_BYTES} or n = 1 or "offset" is null
            order by place, "offset"`,
    values: [cursors.map(({ id }) => id), cursors.map(({ next }) => next)],
  });

  const records: LogRecord[] = [];
  const outOfRange: { seek: Seek; id: number; bounds: OffsetBounds }[] = [];
  for (const row of rows) {
    const cursor = cursors[row.place - 1];
    if (cursor === undefined) continue;
    const { topic, partition, id, next } = cursor;
    if (row.offset === null) {
      const bounds = { start: row.start_offset, end: row.end_offset };
      outOfRange.push({ seek: { topic, partition, offset: next }, id, bounds });
    } else {
      const { offset, headers, value } = row;
      const appendedAtMs = Number(row.appended_at_ms);
      records.push({ topic, partition, offset, coversFrom: offset, appendedAtMs, headers, value });
    }
  }
  return { records, outOfRange };
}

/** See {@link EventLog.read}. */
export async function readRecords(pool: pg.Pool, from: Seek): Promise<ReadRecords> {
  const { topic, partition, offset: next } = from;
  const found = (await partitionsOf(pool, [topic])).find((known) => known.partition === partition);
  const fetched = await fetchRecords(pool, [{ ...(found ?? refuseTopic(topic, partition)), next }]);
  const [refused] = fetched.outOfRange;
  if (refused !== undefined) throw outOfRange(from, refused.bounds);
  const { records } = fetched;
  return { records, next: (records.at(-1)?.offset ?? next - 1n) + 1n };
}

export async function partitionsOf(pool: pg.Pool, topics: readonly string[]): Promise<PartitionId[]> {
  const { rows } = await pool.query<PartitionId>(
    "select id, topic, partition from partition where topic = any($1) order by topic, partition",
    [topics],
  );
  return rows;
}

/** By partition id. */
export async function endsOf(pool: pg.Pool, ids: readonly number[]): Promise<ReadonlyMap<number, bigint>> {
  const { rows } = await pool.query<{ id: number; end_offset: bigint }>(
    "select id, end_offset from partition where id = any($1)",
    [ids],
  );
  return new Map(rows.map((row) => [row.id, row.end_offset]));
}

/** @throws MillwrightError `topic-unknown` */
export async function boundsOf(pool: pg.Pool, { topic, partition }: TopicPartition): Promise<OffsetBounds> {
  const { rows } = await pool.query<OffsetBounds>(
    'select start_offset as start, end_offset as "end" from partition where topic = $1 and partition = $2',
    [topic, partition],
  );
  return rows[0] ?? refuseTopic(topic, partition);
}

/** See {@link EventLog.horizon}: under the partition's lock no append is under way that took its time stamp before. */
export async function horizonOf(pool: pg.Pool, { topic, partition }: TopicPartition): Promise<Horizon> {
  const { rows } = await pool.query<{ end: bigint; at_ms: bigint }>(
    `with locked as materialized (
       select end_offset from partition where topic = $1 and partition = $2 for share)
     select end_offset as "end", (extract(epoch from clock_timestamp()) * 1000)::bigint as at_ms from locked`,
    [topic, partition],
  );
  const row = rows[0] ?? refuseTopic(topic, partition);
  return { end: row.end, atMs: Number(row.at_ms) };
}

function refuseTopic(topic: string, partition: number): never {
  throw new MillwrightError("topic-unknown", `The log has no ${topic}/${partition}.`);
}
