import { MillwrightError } from "../../../model/errors.ts";
import type { OffsetBounds, ReadRecords, Seek, TopicPartition } from "../event-log.ts";
import { outOfRange } from "../out-of-range.ts";
import { refuseError, topicUnknown, unavailable, type KafkaCluster } from "./cluster.ts";
import { fetchRecords } from "./fetch.ts";
import { Leaders } from "./leaders.ts";
import { EARLIEST, LATEST, READ_COMMITTED } from "./protocol.ts";

/** @throws MillwrightError `topic-unknown`, `log-unavailable` */
export async function boundsOf(cluster: KafkaCluster, of: TopicPartition): Promise<OffsetBounds> {
  const { topic, partition } = of;
  const leader = await leaderOf(cluster, of);
  const offsetAt = async (timestamp: number) => {
    const topics = [{ topic, partitions: [{ partition, timestamp }] }];
    const { responses } = await cluster.request(
      "ListOffsets",
      { isolationLevel: READ_COMMITTED, topics },
      leader,
    );
    const answer = responses[0]?.partitions[0];
    refuseError(answer?.errorCode ?? -1, `${topic}/${partition}`);
    return BigInt(answer?.offset ?? 0);
  };
  return { start: await offsetAt(EARLIEST), end: await offsetAt(LATEST) };
}

/** See {@link EventLog.read}. */
export async function readRecords(cluster: KafkaCluster, from: Seek): Promise<ReadRecords> {
  const { topic, partition, offset } = from;
  const leader = await leaderOf(cluster, from);
  const [fetched] = await fetchRecords(cluster, leader, [{ topic, partition, next: offset }]);
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
