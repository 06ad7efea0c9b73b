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
 * Locks in order, then changes, in two statements. An UPDATE alone would lock in any order (40P01 when two consumers
 * meet in several partitions). Both in one statement lose an advance: it finds rows by its snapshot, taken before it
 * waited for the lock, and passes over a row that has come to match meanwhile.
 */
export async function advancePositions(
  tx: ClientBase,
  ranges: readonly OffsetRange[],
): Promise<StoredPositions> {
  const { rows } = await tx.query<{ place: number; next_offset: bigint }>(
    `select place::int, next_offset
       from unnest($1::text[], $2::text[], $3::int[]) with ordinality as w (tenant, topic, partition, place)
       join millwright.log_position p using (tenant, topic, partition)
      order by tenant, topic, partition
        for update of p`,
    keysOf(ranges),
  );
  const stored = new Map(rows.map((row) => [row.place, row.next_offset]));
  const positions = new Map(ranges.map((range, index) => [range, stored.get(index + 1)]));
  const taken = ranges.filter((range) => positions.get(range) === range.firstOffset);
  if (taken.length > 0) {
    await tx.query(
      `update millwright.log_position p set next_offset = w.following
         from unnest($1::text[], $2::text[], $3::int[], $4::bigint[]) as w (tenant, topic, partition, following)
        where (p.tenant, p.topic, p.partition) = (w.tenant, w.topic, w.partition)`,
      [...keysOf(taken), taken.map(({ nextOffset }) => nextOffset)],
    );
  }
  return positions;
}

function keysOf(ranges: readonly OffsetRange[]): unknown[] {
  return [
    ranges.map(({ tenant }) => tenant),
    ranges.map(({ topic }) => topic),
    ranges.map(({ partition }) => partition),
  ];
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

/** A tenant's position in a partition that tenants share. */
interface SharedPosition {
  readonly tenant: TenantId;
  readonly partition: number;
  readonly nextOffset: bigint;
  /** Whether the fence lets the asking consumer write; it is asked again in each commit. */
  readonly isOpen: boolean;
}

/** @param tenants - each with the epoch that the consumer acts under; @param partition - undefined: all of the topic */
export async function sharedPositions(
  pool: Pool,
  topic: string,
  tenants: readonly { readonly tenant: TenantId; readonly epoch: bigint }[],
  partition?: number,
): Promise<readonly SharedPosition[]> {
  const { rows } = await pool.query<SharedPosition>(
    `select tenant, p.partition, p.next_offset as "nextOffset",
            coalesce(not f.is_closed and f.epoch <= w.epoch, false) as "isOpen"
       from unnest($2::text[], $3::bigint[]) as w (tenant, epoch)
       join millwright.log_position p using (tenant) left join millwright.fence f using (tenant)
      where p.topic = $1 and ($4::int is null or p.partition = $4)`,
    [topic, tenants.map(({ tenant }) => tenant), tenants.map(({ epoch }) => epoch), partition ?? null],
  );
  return rows;
}

/** Those of `topics` whose positions this cell holds. */
export async function heldTopics(pool: Pool, topics: readonly string[]): Promise<ReadonlySet<string>> {
  const { rows } = await pool.query<{ topic: string }>(
    "select distinct topic from millwright.log_position where topic = any($1)",
    [topics],
  );
  return new Set(rows.map((row) => row.topic));
}
