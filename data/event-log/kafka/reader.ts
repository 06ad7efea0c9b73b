import { setTimeout as delay } from "node:timers/promises";
import { MillwrightError } from "../../../model/errors.ts";
import type { OffsetBounds, ReadRecords, Seek, TopicPartition } from "../event-log.ts";
import { outOfRange } from "../out-of-range.ts";
import { refuseError, topicUnknown, unavailable, type KafkaCluster } from "./cluster.ts";
import { fetchOnce } from "./fetch.ts";
import { Leaders } from "./leaders.ts";
import { EARLIEST, errorName, LATEST, READ_COMMITTED } from "./protocol.ts";

// Of a topic that was made just now the others know the leader, and the leader does not know itself.
const LEADER_TRIES = 20;
const LEADER_PAUSE_MS = 100;

/** @throws MillwrightError `topic-unknown`, `log-unavailable` */
export async function boundsOf(cluster: KafkaCluster, of: TopicPartition): Promise<OffsetBounds> {
  const leader = await leaderOf(cluster, of);
  const offsetAt = async (timestamp: number) => {
    for (let tries = 1; ; tries++) {
      const [{ errorCode, offset } = { errorCode: -1, offset: 0 }] = await listOffsets(
        cluster,
        leader,
        [of],
        timestamp,
      );
      if (errorName(errorCode) === "NOT_LEADER_FOR_PARTITION" && tries < LEADER_TRIES) {
        await delay(LEADER_PAUSE_MS);
        continue;
      }
      refuseError(errorCode, keyOf(of));
      return BigInt(offset);
    }
  };
  return { start: await offsetAt(EARLIEST), end: await offsetAt(LATEST) };
}

/** By `topic/partition`; those that the broker does not tell are missing. @throws MillwrightError `log-unavailable` */
export async function endsOf(
  cluster: KafkaCluster,
  leader: number,
  partitions: readonly TopicPartition[],
): Promise<ReadonlyMap<string, bigint>> {
  const answers = await listOffsets(cluster, leader, partitions, LATEST);
  return new Map(
    answers
      .filter(({ errorCode }) => errorCode === 0)
      .map((answer) => [keyOf(answer), BigInt(answer.offset)]),
  );
}

async function listOffsets(
  cluster: KafkaCluster,
  leader: number,
  partitions: readonly TopicPartition[],
  timestamp: number,
) {
  const topics = [...Map.groupBy(partitions, ({ topic }) => topic)].map(([topic, ofTopic]) => ({
    topic,
    partitions: ofTopic.map(({ partition }) => ({ partition, timestamp })),
  }));
  const wanted = { isolationLevel: READ_COMMITTED, topics };
  const { responses } = await cluster.request("ListOffsets", wanted, leader);
  return responses.flatMap(({ topic, partitions: answers }) =>
    answers.map((answer) => ({ topic, ...answer })),
  );
}

const keyOf = ({ topic, partition }: TopicPartition) => `${topic}/${partition}`;

/** See {@link EventLog.read}. */
export async function readRecords(cluster: KafkaCluster, from: Seek): Promise<ReadRecords> {
  const { topic, partition, offset } = from;
  const leader = await leaderOf(cluster, from);
  const fetched = await fetchOnce(cluster, leader, { topic, partition, next: offset });
  if (fetched === undefined) throw unavailable(`Kafka has not answered for ${topic}/${partition}.`);
  const { error, records, next } = fetched;
  if (error === "OFFSET_OUT_OF_RANGE") throw outOfRange(from, await boundsOf(cluster, from));
  if (error instanceof MillwrightError) throw error;
  if (error !== undefined) throw unavailable(`Kafka refuses ${topic}/${partition}: ${error}.`);
  const [first, ...rest] = records;
  return { records: first === undefined ? [] : [{ ...first, coversFrom: offset }, ...rest], next };
}

async function leaderOf(cluster: KafkaCluster, of: TopicPartition): Promise<number> {
  const { topic, partition } = of;
  const leaders = new Leaders(cluster);
  await leaders.learn([topic]);
  if (partition >= (leaders.partitionsOf(topic) ?? 0)) throw topicUnknown(`${topic}/${partition}`);
  const leader = leaders.leaderOf(of);
  if (leader === undefined) throw unavailable(`${topic}/${partition} has no leader at the moment.`);
  return leader;
}
