import type pg from "pg";
import type { Seek, TopicPartition } from "../event-log/event-log.ts";
import { MillwrightError } from "../../model/errors.ts";

/** The part of a partition that one batch takes: firstOffset <= offset < nextOffset. */
export interface TakenRange extends TopicPartition {
  readonly firstOffset: bigint;
  readonly nextOffset: bigint;
}

/**
 * Claims the ranges in the transaction that evaluates them, by compare-and-set. The commit need not wait for the disk:
 * where a crash of the server takes positions back, it takes clocks and states with them, and the same records give the
 * same alerts. A transaction that raises alerts makes itself durable ({@link makeDurable}), for people act on those.
 * @throws MillwrightError `position-taken` when one is not next: roll back, read the positions again and seek there
 */
export async function advanceAlertPositions(tx: pg.ClientBase, ranges: readonly TakenRange[]): Promise<void> {
  const sorted = ranges.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1)); // one order of locks for everybody
  const { rowCount } = await tx.query({
    name: "alert-advance",
    text: `with relaxed as materialized (select set_config('synchronous_commit', 'off', true)),
           held as materialized (
             select p.ctid, n.next from alert_position p
               join unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[])
                    n(topic, partition, first, next) using (topic, partition)
              where p.next_offset = n.first order by topic, partition for update of p)
           update alert_position p set next_offset = held.next from held, relaxed where p.ctid = held.ctid`,
    values: [
      sorted.map(({ topic }) => topic),
      sorted.map(({ partition }) => partition),
      sorted.map(({ firstOffset }) => firstOffset),
      sorted.map(({ nextOffset }) => nextOffset),
    ],
  });
  if (rowCount !== ranges.length) {
    throw new MillwrightError("position-taken", "Another consumer evaluated these offsets.", {
      retryable: true,
    });
  }
}

/** Takes back what the transaction has claimed too much of: from here on the records are still to be evaluated. */
export async function withdrawAlertPositions(tx: pg.ClientBase, ends: readonly Seek[]): Promise<void> {
  if (ends.length === 0) return;
  await tx.query(
    `update alert_position p set next_offset = n.next
       from unnest($1::text[], $2::int[], $3::bigint[]) n(topic, partition, next)
      where p.topic = n.topic and p.partition = n.partition`,
    [
      ends.map(({ topic }) => topic),
      ends.map(({ partition }) => partition),
      ends.map(({ offset }) => offset),
    ],
  );
}

/** Lets the COMMIT of this transaction wait for the disk again. */
export async function makeDurable(tx: pg.ClientBase): Promise<void> {
  await tx.query("set local synchronous_commit to default");
}

/**
 * The stored position of a partition, 0 for one that is new.
 * @param tenant - with which the position goes; undefined: that of a shared topic stays
 */
export async function alertPosition(
  pool: pg.Pool,
  tenant: string | undefined,
  partition: TopicPartition,
): Promise<bigint> {
  const { rows } = await pool.query<{ next_offset: bigint }>(
    `with made as (
       insert into alert_position (tenant, topic, partition, next_offset) values ($1, $2, $3, 0)
       on conflict do nothing returning next_offset)
     select next_offset from made
     union all select next_offset from alert_position where topic = $2 and partition = $3`,
    [tenant ?? null, partition.topic, partition.partition],
  );
  return rows[0]?.next_offset ?? 0n;
}

/** Locks the partition's position and tells whether everything below `seek.offset` has been evaluated. */
export async function holdAlertPosition(tx: pg.ClientBase, seek: Seek): Promise<boolean> {
  const { rows } = await tx.query<{ next_offset: bigint }>(
    "select next_offset from alert_position where topic = $1 and partition = $2 for update",
    [seek.topic, seek.partition],
  );
  return rows[0] !== undefined && rows[0].next_offset >= seek.offset;
}

const keyOf = ({ topic, partition }: TakenRange) => `${topic}/${String(partition).padStart(5, "0")}`;
