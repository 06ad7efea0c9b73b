import { MillwrightError } from "../../../model/errors.ts";
import { Bell, pause } from "../../wait.ts";
import {
  comesFrom,
  type LogRecord,
  type OffsetBounds,
  type PartitionLag,
  type Subscription,
  type TopicPartition,
} from "../event-log.ts";
import type { KafkaCluster } from "./cluster.ts";
import { FetchSession, type Fetched } from "./fetch.ts";
import { Group } from "./group.ts";
import { Leaders } from "./leaders.ts";
import { endsOf } from "./reader.ts";

const POLL_MS = 1_000; // how late a new topic is found at the latest
const FIRST_BACKOFF_MS = 50;
const MAX_BACKOFF_MS = 5_000;
/**
 * A fetch begins so long after the one before. Longer: records that come between wait for it. Shorter: of a steady stream
 * each few records are a fetch and transactions of their own, and everybody waits for the processors that these keep busy.
 */
const FETCH_PERIOD_MS = 10;
// Stored positions are asked for so many at a time: one by one, 2,000 partitions take seconds to assign.
const POSITIONS_AT_ONCE = 8;

/**
 * A partition that this consumer follows. It is *assigned* (`next` unknown: the stored position is asked before
 * anything is read), then *followed* (`next` known), and for good *stopped* when its position lies outside the log or
 * its records have a form that we do not read; any failure of the subscription makes it assigned again. A crash leaves
 * nothing behind: positions live with the consumer's data.
 */
interface Followed extends TopicPartition {
  /** Where the next fetch begins: behind what has arrived, handled or not. */
  next: bigint | undefined;
  /** Behind the last record handed over: from here on nothing but the next record lies in the partition. */
  covered: bigint;
  /** Records that have arrived and wait for `handle`. */
  waiting: LogRecord[];
  /** Behind what `handle` has taken, as far as is known: an outage must not hide how far we are behind. */
  taken: bigint | undefined;
  /** Of the partition, as the broker told last. */
  end: bigint;
  isStopped: boolean;
}

/**
 * Follows partitions without Kafka's own consumer: positions belong to our databases, so there are no offsets to commit
 * and no reset of them; a topic that comes or goes disturbs no other. To each broker one fetch is under way, for all
 * partitions that it leads; `handle` takes what has arrived of all of them, while the next fetches wait for more.
 */
export class KafkaConsumer {
  readonly #cluster: KafkaCluster;
  readonly #leaders: Leaders;
  readonly #group: Group;
  readonly #subscription: Subscription;
  readonly #bounds: (partition: TopicPartition) => Promise<OffsetBounds>;
  readonly #onError: (error: unknown) => void;
  readonly #followed = new Map<string, Followed>();
  /**
   * Those whose last records were not taken to the end. The rest is handed over again without a fetch, which may wait long
   * for news of others, and until it is taken nothing more is fetched, which would pile up in memory.
   */
  readonly #handedBack = new Set<Followed>();
  /** Brokers to which a fetch is under way, or whose last one has not been taken. */
  readonly #fetching = new Map<number, Promise<void>>();
  /** By broker. */
  readonly #sessions = new Map<number, FetchSession>();
  readonly #nextFetchAt = new Map<number, number>();
  #lastAssignedAt = -Infinity;
  #failures = 0;
  readonly #bell = new Bell();

  /** @param connect - connections of its own: a fetch waits for records, and a broker answers a connection in order */
  constructor(
    connect: () => KafkaCluster,
    subscription: Subscription,
    bounds: (partition: TopicPartition) => Promise<OffsetBounds>,
    onError: (error: unknown) => void,
  ) {
    this.#cluster = connect();
    this.#leaders = new Leaders(this.#cluster);
    const changed = () => {
      this.#lastAssignedAt = -Infinity;
      this.#bell.ring();
    };
    this.#group = new Group(connect, `millwright-${subscription.group}`, changed, onError);
    this.#subscription = subscription;
    this.#bounds = bounds;
    this.#onError = onError;
  }

  async lags(): Promise<readonly PartitionLag[]> {
    const { group } = this.#subscription;
    await this.#learnEnds().catch(() => undefined); // then those known last must do
    return [...this.#followed.values()].flatMap(({ topic, partition, next, taken, end, waiting }) => {
      const from = next ?? taken;
      if (from === undefined) return [];
      const behind = end > from ? end - from : 0n;
      return [{ group, topic, partition, records: Number(behind) + waiting.length }];
    });
  }

  /** Asks for the ends of partitions that are not fetched at the moment. */
  async #learnEnds(): Promise<void> {
    const unread = [...this.#followed.values()].filter(
      ({ next, isStopped }) => next === undefined || isStopped,
    );
    await this.#leaders.learn(unread.map(({ topic }) => topic));
    for (const [leader, followed] of Map.groupBy(unread, (one) => this.#leaders.leaderOf(one))) {
      if (leader === undefined) continue;
      const ends = await endsOf(this.#cluster, leader, followed);
      for (const one of followed) one.end = ends.get(keyOf(one)) ?? one.end;
    }
  }

  async run(signal: AbortSignal): Promise<void> {
    const stop = () => this.#bell.ring();
    signal.addEventListener("abort", stop);
    const membership = this.#group.run(signal);
    while (!signal.aborted) {
      try {
        await this.#step(signal);
        this.#failures = 0;
      } catch (error) {
        this.#onError(error);
        this.#forgetPositions();
        await pause(Math.min(FIRST_BACKOFF_MS * 2 ** this.#failures++, MAX_BACKOFF_MS), signal);
      }
    }
    signal.removeEventListener("abort", stop);
    await this.#cluster.close(); // ends the fetches that are under way
    await Promise.all([...this.#fetching.values(), membership]);
  }

  /** One round: hands over what has arrived, or waits for news. */
  async #step(signal: AbortSignal): Promise<void> {
    const untilAssignMs = this.#lastAssignedAt + POLL_MS - performance.now();
    if (untilAssignMs <= 0) await this.#assign();
    await this.#askPositions();
    const batch = this.#takeWaiting();
    this.#startFetches(signal);
    this.#handedBack.clear();
    if (batch.length > 0) await this.#handle(batch);
    else await this.#bell.wait(Math.max(0, untilAssignMs));
  }

  /** Follows our share of the topics of now: what is new to us from its stored position, the rest no longer. */
  async #assign(): Promise<void> {
    const topics = await this.#subscription.topics();
    await this.#leaders.learn(topics);
    const current = new Set<string>();
    for (const topic of topics) {
      for (let partition = 0; partition < (this.#leaders.partitionsOf(topic) ?? 0); partition++) {
        if (!this.#group.isOurs({ topic, partition })) continue;
        const key = keyOf({ topic, partition });
        current.add(key);
        if (this.#followed.has(key)) continue;
        const fresh = {
          next: undefined,
          covered: 0n,
          waiting: [],
          taken: undefined,
          end: 0n,
          isStopped: false,
        };
        this.#followed.set(key, { topic, partition, ...fresh });
      }
    }
    for (const key of this.#followed.keys()) if (!current.has(key)) this.#followed.delete(key);
    for (const seek of this.#subscription.seeks?.() ?? []) {
      const followed = this.#followed.get(keyOf(seek));
      if (followed?.next === undefined) continue; // the stored position is asked anyway
      followed.isStopped = false;
      goOn(followed, seek.offset);
    }
    this.#lastAssignedAt = performance.now();
  }

  async #askPositions(): Promise<void> {
    const assigned = [...this.#followed.values()].filter(
      ({ next, isStopped }) => next === undefined && !isStopped,
    );
    for (let from = 0; from < assigned.length; from += POSITIONS_AT_ONCE) {
      await Promise.all(
        assigned.slice(from, from + POSITIONS_AT_ONCE).map(async (followed) => {
          const { topic, partition } = followed;
          goOn(followed, await this.#subscription.position({ topic, partition }));
        }),
      );
    }
  }

  #takeWaiting(): readonly LogRecord[] {
    return [...this.#followed.values()].flatMap((followed) => followed.waiting.splice(0));
  }

  #startFetches(signal: AbortSignal): void {
    const readable = [...this.#followed.values()].filter(
      (followed) => followed.next !== undefined && !followed.isStopped && !this.#handedBack.has(followed),
    );
    const byLeader = Map.groupBy(readable, (followed) => this.#leaders.leaderOf(followed));
    for (const [leader, followed] of byLeader) {
      if (leader === undefined || this.#fetching.has(leader) || signal.aborted) continue;
      const cursors = followed.map(({ topic, partition, next = 0n }) => ({ topic, partition, next }));
      const session = this.#sessions.get(leader) ?? new FetchSession();
      this.#sessions.set(leader, session);
      const fetch = this.#itsTurn(leader, signal)
        .then(() => (signal.aborted ? [] : session.fetch(this.#cluster, leader, cursors)))
        .then((fetched) => this.#arrived(fetched))
        .catch(async (error: unknown) => {
          if (signal.aborted) return;
          this.#onError(error);
          for (const { topic } of cursors) this.#leaders.forget(topic);
          this.#lastAssignedAt = -Infinity;
          await pause(FIRST_BACKOFF_MS, signal);
        })
        .finally(() => {
          this.#fetching.delete(leader);
          this.#bell.ring();
        });
      this.#fetching.set(leader, fetch);
    }
  }

  async #itsTurn(leader: number, signal: AbortSignal): Promise<void> {
    const waitMs = (this.#nextFetchAt.get(leader) ?? 0) - performance.now();
    if (waitMs > 0) await pause(waitMs, signal);
    this.#nextFetchAt.set(leader, performance.now() + FETCH_PERIOD_MS);
  }

  async #arrived(fetched: readonly Fetched[]): Promise<void> {
    for (const { topic, partition, fetchedFrom, next, end, error, records } of fetched) {
      const followed = this.#followed.get(keyOf({ topic, partition }));
      // sent elsewhere meanwhile, or let go: what was fetched is not what comes next
      if (followed?.next !== fetchedFrom) continue;
      if (error === "OFFSET_OUT_OF_RANGE") {
        await this.#stop(followed, fetchedFrom);
      } else if (error instanceof MillwrightError) {
        followed.isStopped = true;
        this.#onError(error);
      } else if (error !== undefined) {
        this.#leaders.forget(topic);
        this.#lastAssignedAt = -Infinity;
      } else {
        const [first, last] = [records[0], records.at(-1)];
        if (first !== undefined && last !== undefined) {
          const behind = { ...first, coversFrom: followed.covered };
          followed.waiting = [...followed.waiting, behind, ...records.slice(1)];
          followed.covered = last.offset + 1n;
        }
        followed.next = next;
        followed.end = end;
      }
    }
  }

  /** A position outside the log; one that the log came to hold again while we asked is read on. */
  async #stop(followed: Followed, offset: bigint): Promise<void> {
    const { topic, partition } = followed;
    const bounds = await this.#bounds({ topic, partition });
    if (offset >= bounds.start && offset <= bounds.end) return;
    followed.isStopped = true;
    this.#subscription.outOfRange({ topic, partition, offset }, bounds);
  }

  async #handle(batch: readonly LogRecord[]): Promise<void> {
    const seeks = await this.#subscription.handle(batch);
    for (const followed of this.#followed.values())
      if (followed.next !== undefined) followed.taken = followed.waiting[0]?.coversFrom ?? followed.covered;
    for (const seek of seeks) {
      const followed = this.#followed.get(keyOf(seek));
      if (followed === undefined) continue;
      goOn(followed, seek.offset);
      const rest = batch.filter((record) => comesFrom(seek, record));
      const [first, last] = [rest[0], rest.at(-1)];
      if (first === undefined || last === undefined || first.coversFrom > seek.offset) continue;
      followed.waiting = [{ ...first, coversFrom: seek.offset }, ...rest.slice(1)];
      followed.next = followed.covered = last.offset + 1n;
      this.#handedBack.add(followed);
    }
  }

  /**
   * After a failure nobody knows what is stored: of a batch that `handle` has not answered, and also of partitions where
   * all is quiet, for whatever cut the connection to the database (a crash, a failover) may have taken positions back.
   */
  #forgetPositions(): void {
    this.#handedBack.clear();
    for (const followed of this.#followed.values()) {
      followed.next = undefined;
      followed.waiting = [];
    }
  }
}

function goOn(followed: Followed, offset: bigint): void {
  followed.next = offset;
  followed.covered = offset;
  followed.taken = offset;
  followed.waiting = [];
}

const keyOf = ({ topic, partition }: TopicPartition) => `${topic}/${partition}`;
