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
  readonly #cluster: Pick<KafkaCluster, "metadata">;
  readonly #waiting = new Set<string>();
  #asking: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;
  readonly #topics = new Map<string, KnownTopic>();

  constructor(cluster: Pick<KafkaCluster, "metadata">) {
    this.#cluster = cluster;
  }

  /**
   * Asks for the topics that are not known or known for too long; one that does not exist is forgotten. One request at a
   * time: what is asked for meanwhile shares the next. With a request for each append the topics of 500 tenants, which
   * age together, kept a broker from answering anything else for 10 s.
   */
  async learn(topics: Iterable<string>): Promise<void> {
    const due = [...topics].filter((topic) => this.#isDue(topic));
    if (due.length === 0) return;
    for (const topic of due) this.#waiting.add(topic);
    this.#next ??= this.#asking.then(() => this.#askWaiting());
    await this.#next;
  }

  #isDue(topic: string): boolean {
    return performance.now() - (this.#topics.get(topic)?.askedAtMs ?? -Infinity) > MAX_AGE_MS;
  }

  #askWaiting(): Promise<void> {
    const topics = [...this.#waiting].filter((topic) => this.#isDue(topic)); // the last answer may have named some
    this.#waiting.clear();
    this.#next = undefined;
    const asked = this.#ask(topics);
    this.#asking = asked.catch(() => undefined);
    return asked;
  }

  async #ask(asked: readonly string[]): Promise<void> {
    const now = performance.now();
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
