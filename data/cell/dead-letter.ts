import type { ClientBase } from "pg";
import type { DeadLetterReason, LetterPlace } from "../../model/dead-letter.ts";
import type { TenantId } from "../../model/tenant.ts";
import type { TopicPartition } from "../event-log/event-log.ts";

/** A record, or one reading of it, that can never be stored. */
export interface DeadLetter extends TopicPartition, LetterPlace {
  readonly tenant: TenantId;
  readonly offset: bigint;
  readonly appendedAtMs: number;
  readonly reason: DeadLetterReason;
  readonly message: string;
  readonly raw: Buffer;
}

/**
 * Every reading fits, so that it can be replayed as it came: its longest text takes 24 kB as escaped JSON. Of a whole
 * record that is longer, the beginning shows what came; it can be replayed with a correction only.
 */
export const RAW_LIMIT_BYTES = 65_536;
const MESSAGE_LIMIT = 500;

export async function keepDeadLetters(tx: ClientBase, letters: readonly DeadLetter[]): Promise<void> {
  if (letters.length === 0) return;
  await tx.query(
    `insert into millwright.dead_letter
       (tenant, topic, partition, record_offset, log_ref, ordinal, appended_at, reason, message, raw, raw_bytes)
     select tenant, topic, partition, record_offset, log_ref, ordinal, to_timestamp(appended_at), reason, message,
            raw, raw_bytes
       from unnest($1::text[], $2::text[], $3::int[], $4::bigint[], $5::bigint[], $6::smallint[], $7::float8[],
                   $8::text[], $9::text[], $10::bytea[], $11::int[])
         as d (tenant, topic, partition, record_offset, log_ref, ordinal, appended_at, reason, message, raw, raw_bytes)`,
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
      letters.map(({ raw }) => raw.length),
    ],
  );
}
