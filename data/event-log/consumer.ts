import type pg from "pg";
import { listen } from "../listen.ts";
import { Bell, pause } from "../wait.ts";
import { LOG_APPENDED } from "./announcer.ts";
import type { LogRecord, PartitionLag, Subscription } from "./event-log.ts";
import { endsOf, fetchRecords, partitionsOf, type Cursor, type PartitionId } from "./reader.ts";

const POLL_MS = 1_000; // wake-ups may be lost, topics may be new: how late that is found at the latest
const FIRST_BACKOFF_MS = 50;
const MAX_BACKOFF_MS = 5_000;
const PLACEMENT_CHANGED = "placement_changed";

/**
 * A partition that this consumer follows. It is *assigned* (`next` unknown: the stored position is asked before
 * anything is read), then *followed* (`next` known), and for good *stopped* when its position lies outside the log;
 * an error in `handle` makes it assigned again. A crash leaves nothing behind: positions live with the consumer's data.
 */
interface Followed extends PartitionId {
  readonly next: bigint | undefined;
  /** The last `next` that was known: an outage must not hide how far we are behind. */
  readonly known: bigint | undefined;
  readonly isStopped: boolean;
}

/**
 * Follows the partitions of one subscription. Members of a group in several processes all read all partitions: each
 * stores under a compare-and-set of the position, so the slower one of two rolls back and seeks. Coordination would
 * save that work but could never replace the fence (a paused process believes that it still owns its partitions), and
 * the embedded log has one host process, so there is none.
 */
export class Consumer {
  readonly #pool: pg.Pool;
  readonly #subscription: Subscription;
  readonly #onError: (error: unknown) => void;
  /** By partition id. */
  readonly #followed = new Map<number, Followed>();
  /** Ids of partitions that may have records to read, the one that has waited longest first. */
  readonly #ready = new Set<number>();
  #isAssignmentDue = true;
  #arePositionsOld = false;
  #lastPollAt = -Infinity;
  readonly #bell = new Bell();

  constructor(pool: pg.Pool, subscription: Subscription, onError: (error: unknown) => void) {
    this.#pool = pool;
    this.#subscription = subscription;
    this.#onError = onError;
  }

  async lags(): Promise<readonly PartitionLag[]> {
    const { group } = this.#subscription;
    const followed = [...this.#followed.values()];
    const ends = await endsOf(
      this.#pool,
      followed.map(({ id }) => id),
    );
    return followed.flatMap(({ id, topic, partition, known }) => {
      const end = ends.get(id);
      if (known === undefined || end === undefined) return [];
      return [{ group, topic, partition, records: Math.max(0, Number(end - known)) }];
    });
  }

  async run(signal: AbortSignal): Promise<void> {
    const notified = (channel: string | undefined, payload: string) => this.#notified(channel, payload);
    const listening = listen(this.#pool, [LOG_APPENDED, PLACEMENT_CHANGED], notified, signal);
    const stop = () => this.#bell.ring();
    signal.addEventListener("abort", stop);
    let failures = 0;
    while (!signal.aborted) {
      try {
        if (!(await this.#step())) await this.#news(signal);
        failures = 0;
      } catch (error) {
        this.#onError(error);
        await pause(Math.min(FIRST_BACKOFF_MS * 2 ** failures++, MAX_BACKOFF_MS), signal);
      }
    }
    signal.removeEventListener("abort", stop);
    await listening;
  }

  /** One round; false when there was nothing to take. */
  async #step(): Promise<boolean> {
    if (this.#isAssignmentDue || performance.now() - this.#lastPollAt >= POLL_MS) await this.#assign();
    const cursors = await this.#cursors();
    // Out of the queue before the fetch: a wake-up that comes while it runs puts its partition back in.
    for (const { id } of cursors) this.#ready.delete(id);
    try {
      const { records, outOfRange } = await fetchRecords(this.#pool, cursors);
      for (const { seek, id, bounds } of outOfRange) {
        this.#update(id, { isStopped: true });
        this.#subscription.outOfRange(seek, bounds);
      }
      if (records.length === 0) return false;
      // Those that the fetch had no room for come first next time, those that were served last.
      const taken = await this.#handle(records, cursors);
      for (const { id } of cursors) if (!taken.has(id)) this.#ready.add(id);
      for (const id of taken) this.#ready.add(id);
      return true;
    } catch (error) {
      for (const { id } of cursors) this.#ready.add(id);
      throw error;
    }
  }

  /** @returns ids of the partitions that had records */
  async #handle(records: readonly LogRecord[], cursors: readonly Cursor[]): Promise<ReadonlySet<number>> {
    const ids = new Map(cursors.map((cursor) => [keyOf(cursor), cursor.id]));
    const next = new Map<number, bigint>();
    for (const record of records) next.set(ids.get(keyOf(record)) ?? 0, record.offset + 1n);
    // until handle has answered, nobody knows what is stored
    for (const id of next.keys()) this.#update(id, { next: undefined });
    const seeks = await this.#subscription.handle(records);
    for (const seek of seeks) next.set(ids.get(keyOf(seek)) ?? 0, seek.offset);
    for (const [id, offset] of next) this.#update(id, { next: offset });
    return new Set(next.keys());
  }

  /** Follows the topics of now: new ones from their stored position, others no longer. */
  async #assign(): Promise<void> {
    this.#isAssignmentDue = false;
    this.#lastPollAt = performance.now();
    const partitions = await partitionsOf(this.#pool, await this.#subscription.topics());
    const current = new Set(partitions.map(({ id }) => id));
    for (const id of this.#followed.keys()) {
      if (current.has(id)) continue;
      this.#followed.delete(id);
      this.#ready.delete(id);
    }
    if (this.#arePositionsOld) for (const id of this.#followed.keys()) this.#update(id, { next: undefined });
    this.#arePositionsOld = false;
    for (const partition of partitions) {
      const { id } = partition;
      if (!this.#followed.has(id))
        this.#followed.set(id, { ...partition, next: undefined, known: undefined, isStopped: false });
      this.#ready.add(id);
    }
    const ids = new Map(partitions.map((partition) => [keyOf(partition), partition.id]));
    for (const seek of this.#subscription.seeks?.() ?? []) {
      const id = ids.get(keyOf(seek)) ?? 0;
      // where it is not known yet, the stored position is asked anyway
      if (this.#followed.get(id)?.next !== undefined)
        this.#update(id, { next: seek.offset, isStopped: false });
    }
  }

  async #cursors(): Promise<Cursor[]> {
    const wanted: Followed[] = [];
    for (const id of this.#ready) {
      const followed = this.#followed.get(id);
      if (followed === undefined || followed.isStopped) this.#ready.delete(id);
      else wanted.push(followed);
    }
    // As many at once as the pool behind them lets through: 500 tenants have 1,000 positions to ask for after a start.
    return Promise.all(
      wanted.map(async (followed) => {
        const next = followed.next ?? (await this.#subscription.position(followed));
        this.#update(followed.id, { next });
        return { ...followed, next };
      }),
    );
  }

  #update(id: number, change: Partial<Pick<Followed, "next" | "isStopped">>): void {
    const followed = this.#followed.get(id);
    if (followed !== undefined)
      this.#followed.set(id, { ...followed, ...change, known: change.next ?? followed.known });
  }

  #notified(channel: string | undefined, payload: string): void {
    if (channel === LOG_APPENDED && payload !== "") {
      const topics = new Set(payload.split(","));
      for (const { id, topic } of this.#followed.values()) if (topics.has(topic)) this.#ready.add(id);
    } else {
      this.#isAssignmentDue = true; // a placement changed, or wake-ups may have been missed: look everywhere
      // Connected anew: whatever cut the connection (a crash, a failover) may have taken stored positions back.
      if (channel === undefined) this.#arePositionsOld = true;
    }
    this.#bell.ring();
  }

  /** Waits for a wake-up, at most until the next poll. */
  async #news(signal: AbortSignal): Promise<void> {
    if (this.#ready.size > 0 || this.#isAssignmentDue || signal.aborted) return;
    await this.#bell.wait(Math.max(0, this.#lastPollAt + POLL_MS - performance.now()));
  }
}

const keyOf = ({ topic, partition }: { topic: string; partition: number }) => `${topic}/${partition}`;
