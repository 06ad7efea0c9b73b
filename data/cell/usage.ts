import type { ClientBase } from "pg";
import type { TenantId } from "../../model/tenant.ts";
import type { TopicPartition } from "../event-log/event-log.ts";

/** What one partition brought in one append minute. */
export interface Usage extends TopicPartition {
  readonly tenant: TenantId;
  /** Start of the minute, milliseconds since the epoch. */
  readonly minuteMs: number;
  readonly rowCount: number;
  readonly byteCount: number;
}

/** Adds to the meters. No order is needed: whoever gets here holds the partition's position row. */
export async function addUsage(tx: ClientBase, usage: readonly Usage[]): Promise<void> {
  if (usage.length === 0) return;
  await tx.query(
    `insert into millwright.usage as known (tenant, minute, topic, partition, row_count, byte_count)
     select tenant, to_timestamp(minute), topic, partition, row_count, byte_count
       from unnest($1::text[], $2::float8[], $3::text[], $4::int[], $5::bigint[], $6::bigint[])
         as u (tenant, minute, topic, partition, row_count, byte_count)
     on conflict (tenant, minute, topic, partition) do update
       set row_count = known.row_count + excluded.row_count, byte_count = known.byte_count + excluded.byte_count,
           is_collected = false`,
    [
      usage.map(({ tenant }) => tenant),
      usage.map(({ minuteMs }) => minuteMs / 1000),
      usage.map(({ topic }) => topic),
      usage.map(({ partition }) => partition),
      usage.map(({ rowCount }) => rowCount),
      usage.map(({ byteCount }) => byteCount),
    ],
  );
}
