import type { TopicPartition } from "../event-log.ts";
import type { KafkaCluster } from "./cluster.ts";

/** Longer, and a topic that was dropped is asked for in vain for longer; shorter, and brokers are asked more often. */
const MAX_AGE_MS = 30_000;

interface KnownTopic {
  /** Node ids by partition; -1 while there is an election. */
  readonly leaders: readonly number[];
  readonly askedAtMs: number;
}

/** Which broker leads each partition, as far as it was asked for. */
export class Leaders {
  readonly #cluster: KafkaCluster;
  readonly #topics = new Map<string, KnownTopic>();

  constructor(cluster: KafkaCluster) {
    this.#cluster = cluster;
  }

  /** Asks for the topics that are not known or known for too long; one that does not exist is forgotten. */
  async learn(topics: Iterable<string>): Promise<void> {
    const now = performance.now();
    const asked = [...new Set(topics)].filter(
      (topic) => now - (this.#topics.get(topic)?.askedAtMs ?? -Infinity) > MAX_AGE_MS,
    );
    const metadata = await this.#cluster.metadata(asked);
    for (const topic of asked) {
      const partitions = metadata.get(topic)?.partitionMetadata;
      if (partitions === undefined) {
        this.#topics.delete(topic);
        continue;
      }
      const leaders = partitions
        .toSorted((a, b) => a.partitionId - b.partitionId)
        .map(({ leader }) => leader);
      // A partition without a leader has one soon: until then it is asked for with every turn.
      this.#topics.set(topic, { leaders, askedAtMs: leaders.includes(-1) ? -Infinity : now });
    }
  }

  /** To be asked for again: a broker said that it is not the leader. */
  forget(topic: string): void {
    this.#topics.delete(topic);
  }

  partitionsOf(topic: string): number | undefined {
    return this.#topics.get(topic)?.leaders.length;
  }

  /** undefined when there is no such partition, or none that leads it at the moment */
  leaderOf({ topic, partition }: TopicPartition): number | undefined {
    const leader = this.#topics.get(topic)?.leaders[partition];
    return leader === -1 ? undefined : leader;
  }
}
