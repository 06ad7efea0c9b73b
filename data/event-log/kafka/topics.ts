import { setTimeout as delay } from "node:timers/promises";
import type { Retention, TopicSettings } from "../event-log.ts";
import { refuseError, unavailable, type KafkaCluster } from "./cluster.ts";
import { errorName } from "./protocol.ts";
import { MAX_BATCH_BYTES } from "./sender.ts";

const REQUEST_MS = 5_000;
const LEADER_TRIES = 50;
const LEADER_PAUSE_MS = 100;
/** Kafka's number for the kind of thing whose settings are asked for. */
const TOPIC_RESOURCE = 2;

interface NewTopic extends TopicSettings {
  readonly topic: string;
  readonly partitions: number;
  readonly replicationFactor: number | undefined;
}

/**
 * Kafka makes the two index files of a partition as large as they may grow, 10 MB unless told, and maps them. Their first
 * pages are written when 4 KiB of records have come. On Linux 6.18 with ext4 that takes 25 ms of a core for a file of
 * 10 MB, and 0.2 ms for this: small tenants that send at one rate get there together, and 1,000 partitions kept a broker
 * from confirming anything for 20 s. Smaller: a segment ends when its index is full, so a large tenant's partitions
 * become too many files; with this one it has at least 170 MiB.
 */
const INDEX_BYTES = 512 << 10;

/** Of a topic that does not say: the loss of one broker takes nothing, and appends go on. */
const COPIES = 3;

/** Returns when every partition has a leader. An existing topic keeps what it has. */
export async function createTopic(cluster: KafkaCluster, wanted: NewTopic): Promise<void> {
  const { topic, partitions: numPartitions } = wanted;
  if ((await cluster.metadata([topic])).has(topic)) return;
  const replicationFactor = wanted.replicationFactor ?? Math.min(COPIES, cluster.brokerCount);
  const config = configOf(replicationFactor, wanted.retentionMs);
  const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
  const { topicErrors } = await cluster.request("CreateTopics", {
    topics: [{ topic, numPartitions, replicationFactor, configEntries }],
    ...{ validateOnly: false, timeout: REQUEST_MS },
  });
  const code = topicErrors[0]?.errorCode ?? -1;
  if (errorName(code) !== "TOPIC_ALREADY_EXISTS") refuseError(code, `to make the topic ${topic}`);
  for (let tries = 0; tries < LEADER_TRIES; tries++) {
    const known = (await cluster.metadata([topic])).get(topic)?.partitionMetadata ?? [];
    if (known.length > 0 && known.every(({ leader }) => leader >= 0)) return;
    await delay(LEADER_PAUSE_MS);
  }
  throw unavailable(`The new topic ${topic} has no leader yet.`);
}

function configOf(replicationFactor: number, retentionMs?: number): Readonly<Record<string, string>> {
  return {
    "cleanup.policy": "delete",
    // a batch that one broker alone has would be lost with it; with two copies the loss of one must not stop appends
    "min.insync.replicas": String(Math.min(2, Math.max(1, replicationFactor - 1))),
    // all decisions use the broker's clock, never a producer's
    "message.timestamp.type": "LogAppendTime",
    // whatever a producer compresses with, consumers get it plain: we cannot read every kind
    "compression.type": "uncompressed",
    "max.message.bytes": String(MAX_BATCH_BYTES),
    "segment.index.bytes": String(INDEX_BYTES),
    "unclean.leader.election.enable": "false",
    ...(retentionMs === undefined ? {} : { "retention.ms": String(retentionMs) }),
  };
}

export async function retentionOf(cluster: KafkaCluster, topic: string): Promise<Retention> {
  const { resources } = await cluster.request("DescribeConfigs", {
    resources: [{ type: TOPIC_RESOURCE, name: topic, configNames: ["retention.ms", "retention.bytes"] }],
    includeSynonyms: false,
  });
  const [resource] = resources;
  refuseError(resource?.errorCode ?? -1, `the topic ${topic}`);
  const limitOf = (name: string) => {
    const value = resource?.configEntries.find(({ configName }) => configName === name)?.configValue;
    return value === undefined || value === "-1" ? Infinity : Number(value); // -1: none
  };
  return { maxAgeMs: limitOf("retention.ms"), maxBytesPerPartition: limitOf("retention.bytes") };
}

/** Returns when no broker that we ask knows it any more. */
export async function dropTopic(cluster: KafkaCluster, topic: string): Promise<void> {
  const { topicErrors } = await cluster.request("DeleteTopics", { topics: [topic], timeout: REQUEST_MS });
  const code = topicErrors[0]?.errorCode ?? -1;
  if (errorName(code) !== "UNKNOWN_TOPIC_OR_PARTITION") refuseError(code, `to drop the topic ${topic}`);
}
