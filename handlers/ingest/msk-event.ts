import type { LogRecord } from "../../data/event-log/event-log.ts";

/** One record as the Lambda event source of MSK delivers it. */
export interface MskRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Milliseconds since the epoch; LogAppendTime, as our topics are made. */
  readonly timestamp: number;
  /** base64 */
  readonly value: string;
  /** Each an object of one name and its bytes. */
  readonly headers?: readonly Readonly<Record<string, readonly number[]>>[];
}

/** Batches by `topic-partition`. */
export interface MskEvent {
  readonly records: Readonly<Record<string, readonly MskRecord[]>>;
}

export function logRecordsOf(event: MskEvent): readonly LogRecord[] {
  return Object.values(event.records).flatMap((ofPartition) =>
    ofPartition.map(({ topic, partition, offset, timestamp, value, headers = [] }, index) => ({
      topic,
      partition,
      offset: BigInt(offset),
      // within a delivery nothing is left out; what lies before its first record is not told
      coversFrom: BigInt(ofPartition[index - 1]?.offset ?? offset - 1) + 1n,
      appendedAtMs: timestamp,
      value: Buffer.from(value, "base64"),
      headers: Object.fromEntries(
        headers.flatMap((header) =>
          Object.entries(header).map(([name, bytes]) => [name, Buffer.from(bytes).toString()]),
        ),
      ),
    })),
  );
}
