import type { EventLog, Horizon, TopicPartition } from "../event-log.ts";
import { KafkaAppender } from "./appender.ts";
import { KafkaCluster, unavailable, type KafkaAddress } from "./cluster.ts";
import { KafkaConsumer } from "./consumer.ts";
import { boundsOf, readRecords } from "./reader.ts";
import { createTopic, dropTopic, retentionOf } from "./topics.ts";

export interface KafkaLogOptions {
  readonly clientId: string;
  /** Copies of each topic that we make; 3, or as many as there are brokers, when left out. */
  readonly replicationFactor?: number | undefined;
  /** Hears of every failure that a consumer retries. */
  readonly onError?: (error: unknown, group: string) => void;
}

/** A record without readings: appended to learn the broker's time and the end of the partition in one answer. */
const TICK = { headers: { kind: "tick" }, value: Buffer.from("[]") };

/** The event log on Kafka. Connects when it is first used. */
export function openKafkaLog(address: KafkaAddress, options: KafkaLogOptions): EventLog {
  const { clientId, replicationFactor, onError = () => undefined } = options;
  const cluster = new KafkaCluster(address, clientId);
  const consumers = new Set<KafkaConsumer>();
  const appender = new KafkaAppender(cluster);
  const bounds = (partition: TopicPartition) => boundsOf(cluster, partition);

  async function horizon(partition: TopicPartition): Promise<Horizon> {
    const [tick] = await appender.append([{ ...partition, ...TICK }]);
    if (tick === undefined) throw unavailable("Kafka has not placed a tick.");
    return { end: tick.offset, atMs: tick.appendedAtMs };
  }

  return {
    createTopic: (topic, partitions, settings) =>
      createTopic(cluster, { topic, partitions, replicationFactor, ...settings }),
    dropTopic: (topic) => dropTopic(cluster, topic),
    async append(records) {
      await appender.append(records);
    },
    retention: (topic) => retentionOf(cluster, topic),
    bounds,
    read: (from) => readRecords(cluster, from),
    horizon: ({ topic, partition }) => horizon({ topic, partition }),
    async consume(subscription, signal) {
      const connect = () => new KafkaCluster(address, clientId);
      const consumer = new KafkaConsumer(connect, subscription, bounds, (error) =>
        onError(error, subscription.group),
      );
      consumers.add(consumer);
      await consumer.run(signal).finally(() => consumers.delete(consumer));
    },
    async lags() {
      return (await Promise.all([...consumers].map((consumer) => consumer.lags()))).flat();
    },
    ping: () => cluster.reach(),
    async close() {
      await appender.idle();
      await cluster.close();
    },
  };
}
