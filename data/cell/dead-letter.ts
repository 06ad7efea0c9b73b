import type { ClientBase } from "pg";
import type { RefusedReason } from "../../model/refused-record.ts";
import type { TenantId } from "../../model/tenant.ts";
import type { TopicPartition } from "../event-log/event-log.ts";

export type DeadLetterReason = RefusedReason | "batch-id-reused" | "database-refused";

/** A record, or one reading of it, that can never be stored. */
export interface DeadLetter extends TopicPartition {
  readonly tenant: TenantId;
  readonly offset: bigint;
  readonly logRef: bigint;
  /** undefined: the whole record */
  readonly ordinal: number | undefined;
  readonly appendedAtMs: number;
  readonly reason: DeadLetterReason;
  readonly message: string;
  readonly raw: Buffer;
}

/** Enough to see what came; a flood of bad records must not fill the cell. The log still has the rest. */
const RAW_LIMIT_BYTES = 4_096;
const MESSAGE_LIMIT = 500;

export async function keepDeadLetters(tx: ClientBase, letters: readonly DeadLetter[]): Promise<void> {
  if (letters.length === 0) return;
  await tx.query(
    `insert into millwright.dead_letter
       (tenant, topic, partition, record_offset, log_ref, ordinal, appended_at, reason, message, raw)
     select tenant, topic, partition, record_offset, log_ref, ordinal, to_timestamp(appended_at), reason, message, raw
       from unnest($1::text[], $2::text[], $3::int[], $4::bigint[], $5::bigint[], $6::smallint[], $7::float8[],
                   $8::text[], $9::text[], $10::bytea[])
         as d (tenant, topic, partition, record_offset, log_ref, ordinal, appended_at, reason, message, raw)`,
    [
      letters.map(({ tenant }) => tenant),
      letters.map(({ topic }) => topic),
      letters.map(({ partition }) => partition),
      letters.map(({ offset }) => offset),
      letters.map(({ logRef }) => logRef),
      letters.map(({ ordinal }) => ordinal ?? null),
      letters.map(({ appendedAtMs }) => appendedAtMs / 1000),
      letters.map(({ reason }) => reason),
      // a text column refuses U+0000, and what is refused here would stop the partition
      letters.map(({ message }) =>
        message.slice(0, MESSAGE_LIMIT).replaceAll("\u0000", "\\u0000").toWellFormed(),
      ),
      letters.map(({ raw }) => raw.subarray(0, RAW_LIMIT_BYTES)),
    ],
  );
}
