import type pg from "pg";
import { MillwrightError } from "../../model/errors.ts";
import { inTransaction, isOutage, sqlState } from "../pool.ts";
import type { NewRecord } from "./event-log.ts";

// One group is one transaction: smaller groups pay more fsyncs, larger ones hold the partitions' locks longer.
const MAX_GROUP_BYTES = 4 << 20;
const MAX_GROUP_RECORDS = 2_000;

interface Waiting {
  readonly records: readonly NewRecord[];
  readonly done: PromiseWithResolvers<void>;
}

/** Appends of one process in groups: while one transaction commits, whatever arrives waits for the next (group commit). */
export class Appender {
  readonly #pool: pg.Pool;
  readonly #appended: (topics: Iterable<string>) => void;
  #waiting: Waiting[] = [];
  #writing: Promise<void> | undefined;

  /** @param appended - told of the topics of each committed group, outside the transaction */
  constructor(pool: pg.Pool, appended: (topics: Iterable<string>) => void) {
    this.#pool = pool;
    this.#appended = appended;
  }

  async append(records: readonly NewRecord[]): Promise<void> {
    if (records.length === 0) return;
    const done: PromiseWithResolvers<void> = Promise.withResolvers();
    this.#waiting.push({ records, done });
    this.#writing ??= this.#write();
    await done.promise;
  }

  /** Resolves when nothing waits any more. */
  async idle(): Promise<void> {
    await this.#writing;
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) await this.#writeGroup(this.#takeGroup());
    this.#writing = undefined; // in the same turn as the check: nobody can slip in between
  }

  #takeGroup(): Waiting[] {
    let bytes = 0;
    let records = 0;
    const fits = this.#waiting.findIndex((waiting, index) => {
      bytes += waiting.records.reduce((sum, { value }) => sum + value.length, 0);
      records += waiting.records.length;
      return index > 0 && (bytes > MAX_GROUP_BYTES || records > MAX_GROUP_RECORDS);
    });
    return this.#waiting.splice(0, fits === -1 ? this.#waiting.length : fits);
  }

  async #writeGroup(group: readonly Waiting[]): Promise<void> {
    try {
      const unknown = await inTransaction(this.#pool, (tx) => insertGroup(tx, group));
      const topics = new Set<string>();
      for (const waiting of group) {
        const topic = unknown.get(waiting);
        if (topic === undefined) {
          for (const record of waiting.records) topics.add(record.topic);
          waiting.done.resolve();
        } else {
          waiting.done.reject(new MillwrightError("topic-unknown", `The log has no ${topic}.`));
        }
      }
      this.#appended(topics);
    } catch (error) {
      if (isLogOutage(error)) {
        // Also when the connection broke at COMMIT and the records may be there: only a retry, which may double
        // them, can make sure. Ingest drops what comes twice under one batch id.
        const failure = unavailable(error);
        for (const { done } of group) done.reject(failure);
      } else if (group.length > 1) {
        // one bad append must not fail its neighbours in the group
        for (const waiting of group) await this.#writeGroup([waiting]);
      } else {
        group[0]?.done.reject(error);
      }
    }
  }
}

/** Inserts what it can; answers the appends that name a partition which is not there, with its name. */
async function insertGroup(tx: pg.PoolClient, group: readonly Waiting[]): Promise<Map<Waiting, string>> {
  const asked = new Map<string, NewRecord>();
  for (const { records } of group) for (const record of records) asked.set(keyOf(record), record);
  // Offsets are given out under the partition's lock (a sequence would let a consumer skip a record that commits
  // later), and locks are taken in one order, so that two appending processes cannot deadlock.
  const { rows: locked } = await tx.query<{ id: number; topic: string; partition: number }>({
    name: "log-lock",
    text: `select p.id, p.topic, p.partition
             from partition p join unnest($1::text[], $2::int[]) a(topic, partition) using (topic, partition)
            order by p.id for update of p`,
    values: [
      [...asked.values()].map(({ topic }) => topic),
      [...asked.values()].map((asking) => asking.partition),
    ],
  });
  const ids = new Map(locked.map((row) => [keyOf(row), row.id]));

  const unknown = new Map<Waiting, string>();
  const known: NewRecord[] = [];
  for (const waiting of group) {
    const missing = waiting.records.find((record) => !ids.has(keyOf(record)));
    if (missing === undefined) known.push(...waiting.records);
    else unknown.set(waiting, keyOf(missing));
  }
  if (known.length > 0) await insertRecords(tx, known, ids);
  return unknown;
}

async function insertRecords(
  tx: pg.PoolClient,
  records: readonly NewRecord[],
  ids: ReadonlyMap<string, number>,
): Promise<void> {
  const claims = new Map<number, { count: number; bytes: number }>();
  const rows = { id: [] as number[], place: [] as number[], headers: [] as string[], size: [] as number[] };
  const start: number[] = [];
  let blobSize = 0;
  for (const record of records) {
    const id = ids.get(keyOf(record)) ?? 0;
    const claim = claims.get(id) ?? { count: 0, bytes: 0 };
    rows.id.push(id);
    rows.place.push(claim.count);
    rows.headers.push(JSON.stringify(record.headers));
    rows.size.push(record.value.length);
    start.push(blobSize + 1);
    blobSize += record.value.length;
    claims.set(id, { count: claim.count + 1, bytes: claim.bytes + record.value.length });
  }
  await tx.query({
    name: "log-append",
    // All values travel as one binary parameter, cut up by the server: an array of bytea would go as hex text.
    text: `with claimed as (
             update partition p
                set end_offset = p.end_offset + n.count, bytes = p.bytes + n.bytes,
                    last_appended_at_ms =
                      greatest(p.last_appended_at_ms, (extract(epoch from clock_timestamp()) * 1000)::bigint)
               from unnest($1::int[], $2::int[], $3::bigint[]) n(id, count, bytes)
              where p.id = n.id
             returning p.id, p.end_offset - n.count as first_offset, p.last_appended_at_ms)
           insert into record (partition_id, "offset", appended_at_ms, headers, value)
           select c.id, c.first_offset + r.place, c.last_appended_at_ms, r.headers::json,
                  substring($8::bytea from r.start for r.size)
             from unnest($4::int[], $5::int[], $6::text[], $7::int[], $9::int[]) r(id, place, headers, start, size)
             join claimed c using (id)`,
    values: [
      [...claims.keys()],
      [...claims.values()].map(({ count }) => count),
      [...claims.values()].map(({ bytes }) => bytes),
      rows.id,
      rows.place,
      rows.headers,
      start,
      Buffer.concat(records.map(({ value }) => value)),
      rows.size,
    ],
  });
}

const keyOf = ({ topic, partition }: { topic: string; partition: number }) => `${topic}/${partition}`;

const QUERY_CANCELED = "57014";

/** The log's database is away, or a statement waited longer than anybody should: the same append may succeed later. */
export function isLogOutage(error: unknown): boolean {
  return isOutage(error) || sqlState(error) === QUERY_CANCELED;
}

/** A fault of the log's database in the words of the log. */
export function unavailable(cause: unknown): MillwrightError {
  return sqlState(cause) === "53100"
    ? new MillwrightError("disk-full", "The event log's disk is full.", { retryable: true, cause })
    : new MillwrightError("log-unavailable", "The event log does not answer; try again.", {
        retryable: true,
        cause,
      });
}
