import type { ClientBase } from "pg";
import { MAX_OFFSET, packLogRef } from "../../../model/log-ref.ts";
import type { TenantId } from "../../../model/tenant.ts";
import { parseTopicName } from "../../../model/topic-name.ts";
import type { TopicPartition } from "../../event-log/event-log.ts";

/** How far a tenant's part of one partition is stored: everything below `nextOffset`. */
export interface Position extends TopicPartition {
  readonly nextOffset: bigint;
}

/** @param table - `log_position`, or where the mark of a move is kept */
export async function readPositions(
  db: ClientBase,
  tenant: TenantId,
  table: "log_position" | "move_mark" = "log_position",
): Promise<readonly Position[]> {
  const { rows } = await db.query<Position>(
    `select topic, partition, next_offset as "nextOffset" from millwright.${table}
      where tenant = $1 order by topic, partition`,
    [tenant],
  );
  return rows;
}

/**
 * SQL that holds for rows that came from `from` on, and, where given, below `until`. Ranges of references, one for each
 * partition: a BRIN index finds them, which it does not by a mask.
 */
export function isBetween(from: readonly Position[], until?: readonly Position[]): string {
  const ends = new Map(until?.map((position) => [keyOf(position), position.nextOffset]));
  const ranges = from.map((position) => {
    const first = refOf(position, position.nextOffset);
    const end = until === undefined ? MAX_OFFSET : (ends.get(keyOf(position)) ?? position.nextOffset);
    const last = until === undefined ? "<=" : "<";
    return `(log_ref >= ${first} and log_ref ${last} ${refOf(position, end)})`;
  });
  return ranges.length === 0 ? "false" : `(${ranges.join(" or ")})`;
}

/** SQL that holds for the rows below the mark: all but those that came from it on, also of topics that are gone. */
export function isBelow(mark: readonly Position[]): string {
  return `not ${isBetween(mark)}`;
}

/** Whether everything below `goals` is stored; a partition without a position never is. */
export function hasReached(positions: readonly Position[], goals: readonly Position[]): boolean {
  const stored = new Map(positions.map((position) => [keyOf(position), position.nextOffset]));
  return goals.every((goal) => (stored.get(keyOf(goal)) ?? -1n) >= goal.nextOffset);
}

function refOf({ topic, partition }: TopicPartition, offset: bigint): bigint {
  const generation = parseTopicName(topic)?.generation;
  if (generation === undefined) throw new RangeError(`${topic} is no topic of readings`);
  return packLogRef({ generation, partition, offset });
}

const keyOf = ({ topic, partition }: TopicPartition) => `${topic}/${partition}`;
