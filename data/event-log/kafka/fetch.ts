import { MillwrightError } from "../../../model/errors.ts";
import type { LogRecord, TopicPartition } from "../event-log.ts";
import { unavailable, type KafkaCluster } from "./cluster.ts";
import type { FetchAnswer } from "./fetch-answer.ts";
import { errorName, READ_COMMITTED } from "./protocol.ts";
import { decodeBatches } from "./record-batch.ts";

// One fetch holds at most this much, of one partition or of many. More: a backlog fills the consumer's memory (8 MiB:
// 300 MB resident). Less: of a delivery in parts the first is decoded and the last stored while nothing else is done,
// so ingestion of two partitions by 1 MiB each was a sixth slower.
const MAX_FETCH_BYTES = 6 << 20;
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

/**
 * The fetches of one consumer from one broker, which remembers what it was asked (KIP-227): a fetch names the partitions
 * that have moved since the last one, and the answer those with news. Without it each of a hundred fetches a second
 * names and answers every partition: of 500 tenants, 1,000.
 */
export class FetchSession {
  #id = NO_SESSION;
  #epoch = FIRST_EPOCH;
  /** What the broker remembers, by partition. */
  #asked = new Map<string, Cursor>();

  /** Waits for records behind the cursors, all of which `leader` leads; answers those partitions that have news. */
  async fetch(
    cluster: KafkaCluster,
    leader: number,
    cursors: readonly Cursor[],
  ): Promise<readonly Fetched[]> {
    const wanted = new Map(cursors.map((cursor) => [keyOf(cursor), cursor]));
    const news = cursors.filter((cursor) => this.#asked.get(keyOf(cursor))?.next !== cursor.next);
    const gone = [...this.#asked].filter(([key]) => !wanted.has(key)).map(([, cursor]) => cursor);
    const session = { sessionId: this.#id, sessionEpoch: this.#epoch, forgottenTopics: byTopic(gone) };
    this.#forget(); // until the answer is here: after an error the broker may have heard the request or not
    const answer = await cluster.request("Fetch", { ...request(news), ...session }, leader);
    if (answer.errorCode === 0 && answer.sessionId !== NO_SESSION) {
      this.#id = answer.sessionId;
      this.#epoch = session.sessionEpoch === LAST_EPOCH ? FIRST_EPOCH + 1 : session.sessionEpoch + 1;
      this.#asked = wanted;
    } else if (answer.errorCode !== 0 && !SESSION_ENDED.has(errorName(answer.errorCode) ?? "")) {
      throw unavailable(`Kafka refuses a fetch: ${errorName(answer.errorCode)}.`);
    }
    return fetchedOf(answer, wanted);
  }

  #forget(): void {
    this.#id = NO_SESSION;
    this.#epoch = FIRST_EPOCH;
    this.#asked = new Map();
  }
}

const NO_SESSION = 0;
/** With no session: asks for one. */
const FIRST_EPOCH = 0;
const LAST_EPOCH = 2 ** 31 - 1;
/** The broker has dropped it for others, or was started anew: the next fetch names everything again. */
const SESSION_ENDED = new Set(["FETCH_SESSION_ID_NOT_FOUND", "INVALID_FETCH_SESSION_EPOCH"]);

/** One fetch by itself. */
export async function fetchOnce(
  cluster: KafkaCluster,
  leader: number,
  cursor: Cursor,
): Promise<Fetched | undefined> {
  const alone = { sessionId: NO_SESSION, sessionEpoch: -1, forgottenTopics: [] };
  const answer = await cluster.request("Fetch", { ...request([cursor]), ...alone }, leader);
  return fetchedOf(answer, new Map([[keyOf(cursor), cursor]]))[0];
}

function request(cursors: readonly Cursor[]) {
  return {
    ...{ isolationLevel: READ_COMMITTED, maxWaitTime: MAX_WAIT_MS, minBytes: 1, maxBytes: MAX_FETCH_BYTES },
    topics: [...Map.groupBy(cursors, ({ topic }) => topic)].map(([topic, ofTopic]) => ({
      topic,
      partitions: ofTopic.map(({ partition, next }) => ({
        ...{ partition, fetchOffset: String(next), maxBytes: MAX_FETCH_BYTES },
      })),
    })),
  };
}

function byTopic(partitions: readonly TopicPartition[]) {
  return [...Map.groupBy(partitions, ({ topic }) => topic)].map(([topic, ofTopic]) => ({
    topic,
    partitions: ofTopic.map(({ partition }) => partition),
  }));
}

function fetchedOf({ partitions }: FetchAnswer, asked: ReadonlyMap<string, Cursor>): readonly Fetched[] {
  return partitions.flatMap(
    ({ topic, partition, errorCode, highWatermark: end, aborted, batches }): Fetched[] => {
      const place = { topic, partition };
      const fetchedFrom = asked.get(keyOf(place))?.next;
      if (fetchedFrom === undefined) return [];
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

const keyOf = ({ topic, partition }: TopicPartition) => `${topic}/${partition}`;
