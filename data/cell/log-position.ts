import type { ClientBase, Pool } from "pg";
import type { TopicPartition } from "../event-log/event-log.ts";
import type { TenantId } from "../../model/tenant.ts";

/** Consecutive records of one partition: `firstOffset` up to, without, `nextOffset`. */
export interface OffsetRange extends TopicPartition {
  readonly tenant: TenantId;
  readonly firstOffset: bigint;
  readonly nextOffset: bigint;
}

/** The stored position of each range's partition before the call; undefined where the partition has none here. */
export type StoredPositions = ReadonlyMap<OffsetRange, bigint | undefined>;

/**
 * Compare-and-set: moves the position of every range that begins exactly there, and answers what was stored. A
 * redelivery or a zombie moves nothing. So the series need no unique index, and COPY stays usable.
 *
 * The rows are locked in order before any is changed: two consumers that meet in several partitions would deadlock
 * (40P01) in whatever order a plain UPDATE visits them.
 */
export async function advancePositions(
  tx: ClientBase,
  ranges: readonly OffsetRange[],
): Promise<StoredPositions> {
  const { rows } = await tx.query<{ place: number; stored: bigint }>(
    `with wanted as (
       select * from unnest($1::text[], $2::text[], $3::int[], $4::bigint[], $5::bigint[])
         with ordinality as w (tenant, topic, partition, first_offset, following, place)),
     stored as materialized (
       select w.*, p.next_offset
         from wanted w join millwright.log_position p using (tenant, topic, partition)
        order by tenant, topic, partition
          for update of p),
     moved as (
       update millwright.log_position p set next_offset = s.following
         from stored s
        where (p.tenant, p.topic, p.partition) = (s.tenant, s.topic, s.partition) and p.next_offset = s.first_offset)
     select place::int, next_offset as stored from stored`,
    [
      ranges.map(({ tenant }) => tenant),
      ranges.map(({ topic }) => topic),
      ranges.map(({ partition }) => partition),
      ranges.map(({ firstOffset }) => firstOffset),
      ranges.map(({ nextOffset }) => nextOffset),
    ],
  );
  const stored = new Map(rows.map((row) => [row.place, row.stored]));
  return new Map(ranges.map((range, index) => [range, stored.get(index + 1)]));
}

/** undefined when the cell does not hold this partition of the tenant */
export async function readPosition(
  pool: Pool,
  tenant: TenantId,
  { topic, partition }: TopicPartition,
): Promise<bigint | undefined> {
  const { rows } = await pool.query<{ next_offset: bigint }>(
    "select next_offset from millwright.log_position where tenant = $1 and topic = $2 and partition = $3",
    [tenant, topic, partition],
  );
  return rows[0]?.next_offset;
}

/** Those of `topics` whose positions this cell holds. */
export async function heldTopics(pool: Pool, topics: readonly string[]): Promise<ReadonlySet<string>> {
  const { rows } = await pool.query<{ topic: string }>(
    "select distinct topic from millwright.log_position where topic = any($1)",
    [topics],
  );
  return new Set(rows.map((row) => row.topic));
}
