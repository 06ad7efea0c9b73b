import { setTimeout as delay } from "node:timers/promises";
import { MillwrightError } from "../../../model/errors.ts";
import type { NewRecord } from "../event-log.ts";
import { topicUnknown, unavailable, type KafkaCluster } from "./cluster.ts";
import { Leaders } from "./leaders.ts";
import { batchesOf, LeaderSender, MAX_BATCH_BYTES, type Appended, type Batch } from "./sender.ts";

/** How long an append is tried again. */
const DEADLINE_MS = 10_000;
/** When its caller gets an answer at the latest; a request to a silent broker, begun shortly before, goes on without. */
const ANSWER_MS = DEADLINE_MS + 1_000;
const RETRY_MS = 100;
/** What callers wait with at most; more would be memory for an outage to fill. */
const MAX_WAITING_BYTES = 64 << 20;

/** Appends of one process, each partition's through the one request that is under way to its leader. */
export class KafkaAppender {
  readonly #cluster: KafkaCluster;
  readonly #leaders: Leaders;
  readonly #senders = new Map<number, LeaderSender>();
  readonly #running = new Set<Promise<unknown>>();
  #waitingBytes = 0;

  constructor(cluster: KafkaCluster) {
    this.#cluster = cluster;
    this.#leaders = new Leaders(cluster);
  }

  /**
   * @returns the place of the first record of each batch that `records` were cut into
   * @throws MillwrightError `topic-unknown` and `request-invalid` (a record is too large) before anything is appended;
   *   `log-unavailable` when part of it may have been
   */
  async append(records: readonly NewRecord[]): Promise<readonly Appended[]> {
    const batches = batchesOf(records);
    const bytes = batches.reduce((sum, batch) => sum + batch.bytes, 0);
    if (batches.some((batch) => batch.bytes > MAX_BATCH_BYTES)) throw tooLarge();
    if (this.#waitingBytes + bytes > MAX_WAITING_BYTES) throw unavailable("Too many records wait for Kafka.");
    this.#waitingBytes += bytes;
    const work = this.#appendBatches(batches).finally(() => {
      this.#running.delete(work);
      this.#waitingBytes -= bytes;
    });
    this.#running.add(work);
    return answeredInTime(work);
  }

  /** Resolves when nothing waits any more. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#running);
  }

  async #appendBatches(batches: readonly Batch[]): Promise<readonly Appended[]> {
    const deadlineMs = performance.now() + DEADLINE_MS;
    await this.#expectPartitions(batches, deadlineMs);
    const results = await Promise.allSettled(batches.map((batch) => this.#appendBatch(batch, deadlineMs)));
    return results.map((result) => {
      if (result.status === "rejected") throw result.reason;
      return result.value;
    });
  }

  /** Asks twice: a broker may not have heard yet of a topic that was made just now. */
  async #expectPartitions(batches: readonly Batch[], deadlineMs: number): Promise<void> {
    const findMissing = async () => {
      await this.#learn(batches, deadlineMs);
      return batches.find(({ topic, partition }) => partition >= (this.#leaders.partitionsOf(topic) ?? 0));
    };
    if ((await findMissing()) === undefined) return;
    await delay(RETRY_MS);
    const missing = await findMissing();
    if (missing !== undefined) throw topicUnknown(`${missing.topic}/${missing.partition}`);
  }

  async #appendBatch(batch: Batch, deadlineMs: number): Promise<Appended> {
    for (;;) {
      await this.#learn([batch], deadlineMs);
      const leader = this.#leaders.leaderOf(batch);
      const outcome =
        leader === undefined
          ? { refused: "LEADER_NOT_AVAILABLE" }
          : await this.#senderOf(leader).send(batch, deadlineMs);
      if ("appended" in outcome) return outcome.appended;
      this.#leaders.forget(batch.topic);
      const isLast = performance.now() + RETRY_MS > deadlineMs;
      await this.#refuseFinally(batch, outcome.refused, isLast);
    }
  }

  /** Returns after a pause when another try may succeed. */
  async #refuseFinally(batch: Batch, refused: string, isLast: boolean): Promise<void> {
    const what = `${batch.topic}/${batch.partition}`;
    switch (refused) {
      case "MESSAGE_TOO_LARGE":
      case "RECORD_LIST_TOO_LARGE":
        throw tooLarge();
      case "UNKNOWN_TOPIC_OR_PARTITION":
        await delay(RETRY_MS);
        await this.#leaders.learn([batch.topic]);
        if (this.#leaders.partitionsOf(batch.topic) === undefined) throw topicUnknown(what);
        break;
      case "LEADER_NOT_AVAILABLE":
      case "NOT_LEADER_FOR_PARTITION":
      case "NOT_ENOUGH_REPLICAS":
        await delay(RETRY_MS);
        break;
      default:
        throw unavailable(`Kafka refuses records for ${what}: ${refused}.`);
    }
    if (isLast) throw unavailable(`Kafka cannot take records for ${what} at the moment: ${refused}.`);
  }

  async #learn(batches: readonly Batch[], deadlineMs: number): Promise<void> {
    for (;;) {
      try {
        await this.#leaders.learn(batches.map(({ topic }) => topic));
        return;
      } catch (error) {
        if (performance.now() + RETRY_MS > deadlineMs) throw error;
        await delay(RETRY_MS);
      }
    }
  }

  #senderOf(leader: number): LeaderSender {
    const sender = this.#senders.get(leader) ?? new LeaderSender(this.#cluster, leader);
    this.#senders.set(leader, sender);
    return sender;
  }
}

async function answeredInTime<T>(work: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const answer = () => reject(unavailable("Kafka has not confirmed the records in time; send them again."));
  const timer = setTimeout(answer, ANSWER_MS);
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

function tooLarge(): MillwrightError {
  const message = `A record of the log holds at most ${MAX_BATCH_BYTES} bytes; send smaller ones.`;
  return new MillwrightError("body-too-large", message);
}
