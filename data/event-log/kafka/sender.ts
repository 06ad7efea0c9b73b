import { setTimeout as delay } from "node:timers/promises";
import type { NewRecord, TopicPartition } from "../event-log.ts";
import { refuseError, unavailable, type KafkaCluster } from "./cluster.ts";
import { errorName, type ProducedPartition } from "./protocol.ts";

/** `max.message.bytes` of our topics, which counts a whole batch; a fetch of a partition is as large. */
export const MAX_BATCH_BYTES = 1 << 20;
/** What we fill of a batch; the rest is for its frame. */
const FILL_BATCH_BYTES = MAX_BATCH_BYTES - 4_096;
// One request at a time: a larger one serves more callers with one round trip, and makes the others wait for longer.
const MAX_REQUEST_BYTES = 4 << 20;
const RETRY_MS = 100;
const ACK_TIMEOUT_MS = 5_000;
// The broker takes a transaction's time-out, although there is none; its default upper limit is 15 minutes.
const TRANSACTION_TIMEOUT_MS = 60_000;

/** Consecutive records of one partition, from one caller. */
export interface Batch extends TopicPartition {
  readonly records: readonly NewRecord[];
  readonly bytes: number;
}

/** Where the first record of a batch is, and the time that the broker gave it. */
export interface Appended extends TopicPartition {
  readonly offset: bigint;
  readonly appendedAtMs: number;
}

/** `refused`: the broker's error; nothing was appended. */
export type SendOutcome = { readonly appended: Appended } | { readonly refused: string };

interface Waiting {
  readonly batch: Batch;
  readonly deadlineMs: number;
  readonly done: PromiseWithResolvers<SendOutcome>;
}

/** Batches of one partition that share a request; they are one batch to the broker. */
interface Sending extends TopicPartition {
  readonly firstSequence: number;
  readonly waiting: readonly Waiting[];
  /** It was sent before, and nobody knows what became of it. */
  readonly mayBeWritten: boolean;
}

/** Under one producer id a broker takes a batch once, however often it is sent; sequences count records by partition. */
interface Session {
  readonly producerId: string;
  readonly producerEpoch: number;
  readonly sequences: Map<string, number>;
}

/** The broker has not written the batch and will not; anything else that we do not know leaves the outcome open. */
const REFUSALS = new Set([
  "UNKNOWN_TOPIC_OR_PARTITION",
  "LEADER_NOT_AVAILABLE",
  "NOT_LEADER_FOR_PARTITION",
  "MESSAGE_TOO_LARGE",
  "RECORD_LIST_TOO_LARGE",
  "NOT_ENOUGH_REPLICAS",
  "TOPIC_AUTHORIZATION_FAILED",
  "INVALID_TOPIC_EXCEPTION",
]);
/** Written perhaps, or on the leader only: the same batch again makes sure. */
const OPEN = new Set(["REQUEST_TIMED_OUT", "NOT_ENOUGH_REPLICAS_AFTER_APPEND"]);

/**
 * Sends batches to one leader, one request at a time; whatever arrives meanwhile shares the next one (group commit).
 * A request whose answer is lost is sent again with the same sequences until its deadline. After that its outcome is
 * unknown, and the producer id is given up with it: under the same id the broker would take the next batch for this
 * one and acknowledge what it does not keep.
 */
export class LeaderSender {
  readonly #cluster: KafkaCluster;
  readonly #nodeId: number;
  #waiting: Waiting[] = [];
  #isSending = false;
  #session: Session | undefined;

  constructor(cluster: KafkaCluster, nodeId: number) {
    this.#cluster = cluster;
    this.#nodeId = nodeId;
  }

  /** @throws MillwrightError `log-unavailable` when nobody knows whether the batch was appended */
  async send(batch: Batch, deadlineMs: number): Promise<SendOutcome> {
    const done: PromiseWithResolvers<SendOutcome> = Promise.withResolvers();
    this.#waiting.push({ batch, deadlineMs, done });
    if (!this.#isSending) void this.#sendAll();
    return done.promise;
  }

  async #sendAll(): Promise<void> {
    this.#isSending = true;
    while (this.#waiting.length > 0) {
      const group = this.#takeGroup();
      try {
        await this.#sendGroup(group);
      } catch (error) {
        this.#session = undefined;
        const failure = unavailable("Kafka has not confirmed the records; send them again.", error);
        // Those that waited have waited for this broker too: their callers get an answer, and nothing of them was sent.
        for (const { done } of [...group, ...this.#waiting.splice(0)]) done.reject(failure);
      }
    }
    this.#isSending = false; // in the same turn as the check: nobody can slip in between
  }

  /** In order of arrival; a partition whose batch is full waits for the next request with all that follows. */
  #takeGroup(): Waiting[] {
    const group: Waiting[] = [];
    const rest: Waiting[] = [];
    const sizes = new Map<string, number>();
    let total = 0;
    for (const waiting of this.#waiting) {
      const key = keyOf(waiting.batch);
      const size = (sizes.get(key) ?? 0) + waiting.batch.bytes;
      total += waiting.batch.bytes;
      const fits = group.length === 0 || (size <= FILL_BATCH_BYTES && total <= MAX_REQUEST_BYTES);
      sizes.set(key, fits ? size : Infinity);
      (fits ? group : rest).push(waiting);
    }
    this.#waiting = rest;
    return group;
  }

  async #sendGroup(group: readonly Waiting[]): Promise<void> {
    const deadlineMs = Math.min(...group.map((waiting) => waiting.deadlineMs));
    const session = await this.#openSession(deadlineMs);
    const byPartition = Map.groupBy(group, ({ batch }) => keyOf(batch));
    let open: Sending[] = [...byPartition].flatMap(([key, waiting]) => {
      const { topic, partition } = waiting[0]?.batch ?? {};
      if (topic === undefined || partition === undefined) return [];
      const firstSequence = session.sequences.get(key) ?? 0;
      return [{ topic, partition, waiting, firstSequence, mayBeWritten: false }];
    });
    while (open.length > 0) {
      try {
        const produced = await this.#produce(session, open);
        open = open.filter((sending) => !this.#settle(session, sending, produced.get(keyOf(sending))));
      } catch (error) {
        if (performance.now() + RETRY_MS > deadlineMs) throw error;
      }
      if (open.length === 0) return;
      if (performance.now() + RETRY_MS > deadlineMs)
        throw unavailable("Kafka leaves it open what it has written.");
      open = open.map((sending) => ({ ...sending, mayBeWritten: true }));
      await delay(RETRY_MS);
    }
  }

  async #produce(
    session: Session,
    open: readonly Sending[],
  ): Promise<ReadonlyMap<string, ProducedPartition>> {
    const byTopic = Map.groupBy(open, ({ topic }) => topic);
    const { producerId, producerEpoch } = session;
    const { topics } = await this.#cluster.request(
      "Produce",
      {
        ...{ acks: -1, timeout: ACK_TIMEOUT_MS, producerId, producerEpoch },
        topicData: [...byTopic].map(([topic, ofTopic]) => ({
          topic,
          partitions: ofTopic.map(({ partition, firstSequence, waiting }) => {
            const messages = waiting.flatMap(({ batch }) => batch.records);
            return { partition, firstSequence, messages };
          }),
        })),
      },
      this.#nodeId,
    );
    return new Map(
      topics.flatMap(({ topicName, partitions }) =>
        partitions.map((produced) => [keyOf({ topic: topicName, ...produced }), produced] as const),
      ),
    );
  }

  /**
   * @returns false when the same batch is to be sent again
   * @throws MillwrightError when its outcome stays unknown
   */
  #settle(
    session: Session,
    { topic, partition, firstSequence, waiting, mayBeWritten }: Sending,
    produced?: ProducedPartition,
  ) {
    const error = produced === undefined ? "no answer" : errorName(produced.errorCode);
    if (error !== undefined && OPEN.has(error)) return false;
    if (error !== undefined && REFUSALS.has(error)) {
      // This try was refused, an earlier one perhaps was not. Were these sequences free for others, the broker would take
      // what comes next for this batch, and acknowledge what it does not keep.
      if (mayBeWritten) return false;
      for (const { done } of waiting) done.resolve({ refused: error });
      return true;
    }
    if (error !== undefined || produced === undefined)
      throw unavailable(`Kafka answers ${error ?? ""} for ${topic}/${partition}.`);
    let count = 0;
    for (const { batch, done } of waiting) {
      const offset = BigInt(produced.baseOffset) + BigInt(count);
      done.resolve({ appended: { topic, partition, offset, appendedAtMs: Number(produced.logAppendTime) } });
      count += batch.records.length;
    }
    session.sequences.set(keyOf({ topic, partition }), sequenceAfter(firstSequence, count));
    return true;
  }

  async #openSession(deadlineMs: number): Promise<Session> {
    while (this.#session === undefined) {
      try {
        const args = { transactionTimeout: TRANSACTION_TIMEOUT_MS };
        const { errorCode, producerId, producerEpoch } = await this.#cluster.request("InitProducerId", args);
        refuseError(errorCode, "a producer id");
        this.#session = { producerId, producerEpoch, sequences: new Map() };
      } catch (error) {
        if (performance.now() + RETRY_MS > deadlineMs) throw error;
        await delay(RETRY_MS);
      }
    }
    return this.#session;
  }
}

/** Cuts an append into one batch for each partition and fill. */
export function batchesOf(records: readonly NewRecord[]): readonly Batch[] {
  const batches: { topic: string; partition: number; records: NewRecord[]; bytes: number }[] = [];
  const open = new Map<string, (typeof batches)[number]>();
  for (const record of records) {
    const bytes = sizeOf(record);
    const key = keyOf(record);
    let batch = open.get(key);
    if (batch === undefined || batch.bytes + bytes > FILL_BATCH_BYTES) {
      batch = { topic: record.topic, partition: record.partition, records: [], bytes: 0 };
      open.set(key, batch);
      batches.push(batch);
    }
    batch.records.push(record);
    batch.bytes += bytes;
  }
  return batches;
}

/** Upper bound of what a record takes in a batch: value, headers, and at most 40 bytes of lengths and deltas. */
function sizeOf({ value, headers }: NewRecord): number {
  const headerBytes = Object.entries(headers).reduce(
    (sum, [name, text]) => sum + Buffer.byteLength(name) + Buffer.byteLength(text) + 10,
    0,
  );
  return value.length + headerBytes + 40;
}

/** Sequences go up to 2^31 - 1 and begin again at 0. */
function sequenceAfter(first: number, count: number): number {
  return (first + count) % 2 ** 31;
}

const keyOf = ({ topic, partition }: TopicPartition) => `${topic}/${partition}`;
