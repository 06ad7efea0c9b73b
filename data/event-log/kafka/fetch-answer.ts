import type { AbortedTransaction } from "./record-batch.ts";
import { WireReader } from "./wire-reader.ts";

export interface FetchAnswer {
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
 * The version that {@link decodeFetchAnswer} reads: every broker since Kafka 0.11 speaks it, and what later ones add
 * (sessions, followers, zstd) we do not use.
 */
export const FETCH_VERSION = 4;

/** https://kafka.apache.org/protocol#The_Messages_Fetch, version 4 */
export function decodeFetchAnswer(raw: Buffer): FetchAnswer {
  const reader = new WireReader(raw);
  reader.int32(); // the time that the broker has held the answer back to slow us down
  const partitions = reader.array(() => {
    const topic = reader.string();
    return reader.array((): FetchedPartition => {
      const partition = reader.int32();
      const errorCode = reader.int16();
      const highWatermark = reader.int64();
      reader.int64(); // the last stable offset: the broker sends nothing behind it
      const aborted = reader.array(() => ({ producerId: reader.int64(), firstOffset: reader.int64() }));
      return { topic, partition, errorCode, highWatermark, aborted, batches: reader.bytes() };
    });
  });
  return { partitions: partitions.flat() };
}
