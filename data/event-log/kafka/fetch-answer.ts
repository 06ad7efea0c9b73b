import type { AbortedTransaction } from "./record-batch.ts";
import { WireReader } from "./wire-reader.ts";

export interface FetchAnswer {
  /** Of the session; those of partitions stand with them. */
  readonly errorCode: number;
  /** 0: the broker keeps none for us. */
  readonly sessionId: number;
  readonly partitions: readonly FetchedPartition[];
}

export interface FetchedPartition {
  readonly topic: string;
  readonly partition: number;
  readonly errorCode: number;
  readonly highWatermark: bigint;
  readonly aborted: readonly AbortedTransaction[];
  /** Record batches, still encoded. */
  readonly batches: Buffer;
}

/**
 * The version that {@link decodeFetchAnswer} reads: every broker since Kafka 1.1 speaks it, and what later ones add
 * (followers, zstd) we do not use.
 */
export const FETCH_VERSION = 7;

/** https://kafka.apache.org/protocol#The_Messages_Fetch, version 7 */
export function decodeFetchAnswer(raw: Buffer): FetchAnswer {
  const reader = new WireReader(raw);
  reader.int32(); // the time that the broker has held the answer back to slow us down
  const errorCode = reader.int16();
  const sessionId = reader.int32();
  const partitions = reader.array(() => {
    const topic = reader.string();
    return reader.array((): FetchedPartition => {
      const partition = reader.int32();
      const errorCode = reader.int16();
      const highWatermark = reader.int64();
      reader.int64(); // the last stable offset: the broker sends nothing behind it
      reader.int64(); // the start of the log: nobody asks it here
      const aborted = reader.array(() => ({ producerId: reader.int64(), firstOffset: reader.int64() }));
      return { topic, partition, errorCode, highWatermark, aborted, batches: reader.bytes() };
    });
  });
  return { errorCode, sessionId, partitions: partitions.flat() };
}
