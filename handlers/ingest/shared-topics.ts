import type { Pool } from "pg";
import type { CellTopic } from "../../data/catalog/topic.ts";
import { sharedPositions } from "../../data/cell/log-position.ts";
import { TenantRows } from "../../data/cell/reading-rows.ts";
import type { LogRecord, OffsetBounds, Seek, TopicPartition } from "../../data/event-log/event-log.ts";
import type { TenantId } from "../../model/tenant.ts";
import { isShared } from "../../model/topic-name.ts";
import type { PreparedPartition, PreparedTenant } from "./prepare.ts";
import type { StoreOutcome, TenantSeek } from "./process.ts";

/**
 * How far a tenant is in a partition: of its records those below `stored` are in the cell, and from there up to `seen`
 * the log has none. Each is right whatever happens to the process; only the database knows whether `stored` is still
 * the position, and its compare-and-set tells.
 */
interface Place {
  /** Of the tenant, as records carry it. */
  readonly generation: string;
  stored: bigint;
  seen: bigint;
}

interface SharedPartition extends TopicPartition {
  /** Of the tenants that are followed here. */
  readonly places: Map<string, Place>;
  /** Where the log goes on, as far as we know. */
  next: bigint;
  isStopped: boolean;
}

/** What a delivery brings of one partition. */
interface Visit {
  readonly partition: SharedPartition;
  /** Of the tenants whose records it holds without a gap; one that is replaced meanwhile has gone elsewhere. */
  readonly places: readonly Place[];
  readonly to: bigint;
  /** Of these tenants and not stored, each covering what lies between it and its tenant's last. */
  readonly records: readonly LogRecord[];
}

/**
 * The partitions that the tenants of a cell share with others. A partition is read from the lowest place of the tenants
 * that are *followed*; a record below its tenant's place is skipped. A tenant that leaves a commit (fenced, paused) is
 * *let go*: the neighbours go on, its position stays. Once its fence is open again it is followed from there, and the
 * partition goes back. A crash leaves nothing behind: positions are in the cell.
 */
export class SharedTopics {
  readonly #pool: Pool;
  readonly #followed = new Map<TenantId, CellTopic>();
  readonly #partitions = new Map<string, SharedPartition>();
  /** Their positions lie outside the log: nobody can go on there. */
  readonly #lost = new Set<TenantId>();

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /** Topics that hold anybody's records. */
  topics(): readonly string[] {
    return [...new Set([...this.#followed.values()].map(({ topic }) => topic))];
  }

  /**
   * Follows those of `placed` whose fences are open, and lets go who is not among them.
   * @param placed - in this cell, each in a shared topic
   */
  async follow(placed: readonly CellTopic[]): Promise<void> {
    const wanted = new Map(placed.map((one) => [one.tenant, one]));
    for (const [tenant, { generation }] of this.#followed)
      if (wanted.get(tenant)?.generation !== generation) this.#letGo(tenant);
    for (const tenant of this.#lost) if (!wanted.has(tenant)) this.#lost.delete(tenant);
    for (const [tenant, followed] of wanted) {
      if (this.#followed.has(tenant)) this.#followed.set(tenant, followed); // of another epoch, perhaps
      if (this.#followed.has(tenant) || this.#lost.has(tenant)) wanted.delete(tenant);
    }
    for (const [topic, tenants] of Map.groupBy(wanted.values(), (one) => one.topic)) {
      for (const { tenant, partition, nextOffset, isOpen } of await sharedPositions(
        this.#pool,
        topic,
        tenants,
      )) {
        const of = wanted.get(tenant);
        if (!isOpen || of === undefined) continue;
        this.#followed.set(tenant, of);
        const key = keyOf({ topic, partition });
        const shared = this.#partitions.get(key) ?? newPartition({ topic, partition }, nextOffset);
        this.#partitions.set(key, shared);
        shared.places.set(tenant, placeAt(of, nextOffset));
      }
    }
  }

  /** Asks all positions anew. @returns the lowest; undefined: nobody is followed here */
  async position({ topic, partition }: TopicPartition): Promise<bigint | undefined> {
    const followed = [...this.#followed.values()].filter((one) => one.topic === topic);
    const stored = await sharedPositions(this.#pool, topic, followed, partition);
    const open = new Map(stored.flatMap((one) => (one.isOpen ? [[one.tenant, one.nextOffset]] : [])));
    const shared = newPartition({ topic, partition }, 0n);
    this.#partitions.set(keyOf(shared), shared);
    for (const of of followed) {
      const nextOffset = open.get(of.tenant);
      if (nextOffset === undefined) this.#letGo(of.tenant);
      else shared.places.set(of.tenant, placeAt(of, nextOffset));
    }
    shared.next = lowest(shared) ?? 0n;
    return lowest(shared);
  }

  /** Picks out of a delivery what there is to store; records of topics that are not shared are among it. */
  take(delivered: readonly LogRecord[]): {
    readonly records: readonly LogRecord[];
    readonly visits: readonly Visit[];
  } {
    const sharing = delivered.filter(({ topic }) => isShared(topic));
    if (sharing.length === 0) return { records: delivered, visits: [] };
    const own = delivered.filter(({ topic }) => !isShared(topic));
    const visits = [...Map.groupBy(sharing, keyOf)].flatMap(([key, records]) => {
      const partition = this.#partitions.get(key);
      return partition === undefined ? [] : [visit(partition, records)];
    });
    return { records: [...own, ...visits.flatMap(({ records }) => records)], visits };
  }

  /** Learns what a commit has changed. */
  apply({ taken, seeks, left }: Pick<StoreOutcome, "taken" | "seeks" | "left">): void {
    for (const { range } of taken) {
      const place = this.#placeOf(range);
      if (place === undefined) continue;
      place.stored = range.nextOffset;
      if (place.seen < place.stored) place.seen = place.stored;
    }
    for (const seek of seeks) {
      const place = this.#placeOf(seek);
      if (place === undefined) continue;
      const { generation, stored, seen } = place;
      const { offset } = seek;
      // What is known to hold none of the tenant's is known still, unless the position went back to before it.
      const places = this.#partitions.get(keyOf(seek))?.places;
      places?.set(seek.tenant, {
        ...{ generation, stored: offset },
        seen: offset >= stored && offset < seen ? seen : offset,
      });
    }
    for (const tenant of left) this.#letGo(tenant);
  }

  /** After all of a delivery was stored or left. @returns partitions that go on elsewhere than behind it */
  leave(visits: readonly Visit[]): readonly Seek[] {
    return visits.flatMap(({ partition, places, to }) => {
      const now = new Set(partition.places.values());
      for (const place of places) if (now.has(place) && place.seen < to) place.seen = to;
      partition.next = lowest(partition) ?? to;
      const { topic, partition: number, next } = partition;
      return next === to ? [] : [{ topic, partition: number, offset: next }];
    });
  }

  /** Partitions that must go back for tenants that came, or on without one that they had stopped for. */
  seeks(): readonly Seek[] {
    return [...this.#partitions.values()].flatMap((shared) => {
      const { topic, partition, next, isStopped } = shared;
      const offset = lowest(shared);
      if (offset === undefined || (offset >= next && !isStopped)) return [];
      shared.next = offset;
      shared.isStopped = false;
      return [{ topic, partition, offset }];
    });
  }

  /**
   * Tenants whose positions lie below what is known to hold none of their records: moved on from time to time, or a
   * restart would read from far below, and the log may have dropped what is there.
   */
  quiet(): readonly PreparedTenant[] {
    const partitions = new Map<TenantId, PreparedPartition[]>();
    for (const { topic, partition, places } of this.#partitions.values())
      for (const [id, { stored, seen }] of places) {
        const tenant = id as TenantId;
        if (stored === seen) continue;
        const range = { tenant, topic, partition, firstOffset: stored, nextOffset: seen };
        partitions.set(tenant, [...(partitions.get(tenant) ?? []), { range, records: [] }]);
      }
    return [...partitions]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([tenant, ofTenant]) => ({ tenant, partitions: ofTenant, rows: new TenantRows() }));
  }

  /** A partition stopped outside the log: lets go who stopped it. The others go on with the next {@link seeks}. */
  overtaken(stopped: TopicPartition, { start, end }: OffsetBounds): readonly TenantSeek[] {
    const partition = this.#partitions.get(keyOf(stopped));
    if (partition === undefined) return [];
    partition.isStopped = true;
    const lost = [...partition.places].filter(([, { seen }]) => seen < start || seen > end);
    return lost.map(([id, { seen: offset }]) => {
      const tenant = id as TenantId;
      this.#lost.add(tenant);
      this.#letGo(tenant);
      return { tenant, topic: stopped.topic, partition: stopped.partition, offset };
    });
  }

  #placeOf(of: TopicPartition & { readonly tenant: TenantId }): Place | undefined {
    return isShared(of.topic) ? this.#partitions.get(keyOf(of))?.places.get(of.tenant) : undefined;
  }

  #letGo(tenant: TenantId): void {
    this.#followed.delete(tenant);
    for (const { places } of this.#partitions.values()) places.delete(tenant);
  }
}

function visit(partition: SharedPartition, records: readonly LogRecord[]): Visit {
  const from = records[0]?.coversFrom ?? 0n;
  const places = new Map([...partition.places].filter(([, { seen }]) => seen >= from));
  const ends = new Map<string, bigint>();
  const taken: LogRecord[] = [];
  let to = from;
  for (const record of records) {
    if (record.coversFrom !== to) break; // what follows a gap is delivered again
    to = record.offset + 1n;
    const { tenant = "", generation } = record.headers;
    const place = places.get(tenant);
    if (place === undefined || place.generation !== generation || record.offset < place.stored) continue;
    taken.push({ ...record, coversFrom: ends.get(tenant) ?? place.stored });
    ends.set(tenant, to);
  }
  return { partition, places: [...places.values()], to, records: taken };
}

function newPartition({ topic, partition }: TopicPartition, next: bigint): SharedPartition {
  return { topic, partition, places: new Map(), next, isStopped: false };
}

function placeAt({ generation }: CellTopic, offset: bigint): Place {
  return { generation: String(generation), stored: offset, seen: offset };
}

function lowest({ places }: SharedPartition): bigint | undefined {
  let least: bigint | undefined;
  for (const { seen } of places.values()) if (least === undefined || seen < least) least = seen;
  return least;
}

const keyOf = ({ topic, partition }: TopicPartition) => `${topic}/${partition}`;
