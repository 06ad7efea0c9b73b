import { MillwrightError } from "../../../model/errors.ts";
import type { LogRecord, TopicPartition } from "../event-log.ts";
import type { KafkaCluster } from "./cluster.ts";
import { errorName, READ_COMMITTED } from "./protocol.ts";
import { decodeBatches } from "./record-batch.ts";
import { MAX_BATCH_BYTES } from "./sender.ts";

// One fetch holds at most this much; more would let a backlog of many tenants fill the consumer's memory.
const MAX_FETCH_BYTES = 4 << 20;
// How long the broker waits for records. Longer: partitions that are added meanwhile wait for it. Shorter: more requests.
const MAX_WAIT_MS = 250;

export interface Cursor extends TopicPartition {
  readonly next: bigint;
}

/** What a fetch brought of one partition. */
export interface Fetched extends TopicPartition {
  readonly fetchedFrom: bigint;
  /** Name of the broker's error, or what is wrong with the records; the other fields are then without meaning. */
  readonly error: string | MillwrightError | undefined;
  /** Where to go on: behind everything that was seen, also what is no record of ours. */
  readonly next: bigint;
  readonly end: bigint;
  /** The first one may cover more than from `fetchedFrom`: only the consumer knows what it has seen before. */
  readonly records: readonly LogRecord[];
}

/** Waits for records behind the cursors, all of which one broker leads; answers those partitions that have news. */
export async function fetchRecords(
  cluster: KafkaCluster,
  leader: number,
  cursors: readonly Cursor[],
): Promise<readonly Fetched[]> {
  const { partitions } = await cluster.request(
    "Fetch",
    {
      ...{ isolationLevel: READ_COMMITTED, maxWaitTime: MAX_WAIT_MS, minBytes: 1, maxBytes: MAX_FETCH_BYTES },
      topics: [...Map.groupBy(cursors, ({ topic }) => topic)].map(([topic, ofTopic]) => ({
        topic,
        partitions: ofTopic.map(({ partition, next }) => ({
          ...{ partition, fetchOffset: String(next), maxBytes: MAX_BATCH_BYTES },
        })),
      })),
    },
    leader,
  );
  const froms = new Map(cursors.map((cursor) => [`${cursor.topic}/${cursor.partition}`, cursor.next]));
  return partitions.flatMap(
    ({ topic, partition, errorCode, highWatermark: end, aborted, batches }): Fetched[] => {
      const fetchedFrom = froms.get(`${topic}/${partition}`);
      if (fetchedFrom === undefined) return [];
      const place = { topic, partition };
      try {
        const { records, next } = decodeBatches(place, batches, fetchedFrom, aborted);
        return [{ ...place, fetchedFrom, error: errorName(errorCode), next, end, records }];
      } catch (error) {
        // One topic that somebody made otherwise than we do must not keep those of all others from being read.
        if (!(error instanceof MillwrightError)) throw error;
        return [{ ...place, fetchedFrom, error, next: fetchedFrom, end, records: [] }];
      }
    },
  );
}
