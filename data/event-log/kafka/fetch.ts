import type { LogRecord, TopicPartition } from "../event-log.ts";
import type { KafkaCluster } from "./cluster.ts";
import { errorName, READ_COMMITTED, type FetchedMessage, type FetchedPartition } from "./protocol.ts";
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
  /** Name of the broker's error; the other fields are then without meaning. */
  readonly error: string | undefined;
  /** Where to go on: behind everything that was seen, also what is no record of ours. */
  readonly next: bigint;
  readonly end: bigint;
  readonly records: readonly UncoveredRecord[];
}

/** A record that does not know yet what lies before it. */
export type UncoveredRecord = Omit<LogRecord, "coversFrom">;

/** Waits for records behind the cursors, all of which one broker leads; answers those partitions that have news. */
export async function fetchRecords(
  cluster: KafkaCluster,
  leader: number,
  cursors: readonly Cursor[],
): Promise<readonly Fetched[]> {
  const { responses } = await cluster.request(
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
  return responses.flatMap(({ topicName: topic, partitions }) =>
    partitions.flatMap((answer) => {
      const from = froms.get(`${topic}/${answer.partition}`);
      return from === undefined ? [] : [fetchedOf(topic, from, answer)];
    }),
  );
}

function fetchedOf(topic: string, fetchedFrom: bigint, answer: FetchedPartition): Fetched {
  const { partition, messages } = answer;
  const last = messages.at(-1);
  const next = last === undefined ? fetchedFrom : BigInt(last.offset) + 1n;
  const records = committedOnly(answer)
    .map((message) => recordOf(topic, partition, message))
    .filter(({ offset }) => offset >= fetchedFrom); // a batch is sent whole, also to who has read half of it
  const error = errorName(answer.errorCode);
  return { topic, partition, fetchedFrom, error, next, end: BigInt(answer.highWatermark), records };
}

/** Without the records of aborted transactions and the marks that end transactions. */
function committedOnly({ messages, abortedTransactions }: FetchedPartition): readonly FetchedMessage[] {
  const aborted = abortedTransactions
    .map(({ producerId, firstOffset }) => ({ producerId, firstOffset: BigInt(firstOffset) }))
    .sort((a, b) => (a.firstOffset < b.firstOffset ? -1 : 1)); // they come in the order of their ends
  const aborting = new Set<string>();
  return messages.filter(({ offset, isControlRecord, key, batchContext: { producerId, inTransaction } }) => {
    while (aborted[0] !== undefined && aborted[0].firstOffset <= BigInt(offset))
      aborting.add(aborted.shift()?.producerId ?? "");
    if (!isControlRecord) return !(inTransaction && aborting.has(producerId));
    if (isAbortMark(key)) aborting.delete(producerId);
    return false;
  });
}

/** Key of a control record: version and type, 16 bits each; type 0 ends a transaction by aborting it. */
function isAbortMark(key: Buffer | null): boolean {
  return key !== null && key.length >= 4 && key.readInt16BE(2) === 0;
}

function recordOf(topic: string, partition: number, message: FetchedMessage): UncoveredRecord {
  return {
    ...{ topic, partition, offset: BigInt(message.offset), appendedAtMs: Number(message.timestamp) },
    headers: Object.fromEntries(
      Object.entries(message.headers).map(([name, value]) => [name, headerText(value)]),
    ),
    value: message.value ?? Buffer.alloc(0),
  };
}

/** Of a header that stands there several times the first one counts. */
function headerText(value: FetchedMessage["headers"][string]): string {
  const first = Array.isArray(value) ? (value as readonly (Buffer | null)[])[0] : (value as Buffer | null);
  return first?.toString() ?? "";
}
