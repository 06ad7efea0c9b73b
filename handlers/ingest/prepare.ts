import { setImmediate } from "node:timers/promises";
import type { HistoryOf } from "../../data/catalog/machine-histories.ts";
import type { OffsetRange } from "../../data/cell/log-position.ts";
import { TenantRows } from "../../data/cell/reading-rows.ts";
import type { LogRecord, Seek, TopicPartition } from "../../data/event-log/event-log.ts";
import type { TenantId } from "../../model/tenant.ts";
import { parseTopicName } from "../../model/topic-name.ts";
import { RunDecoder, type DecodedRecord } from "./decode.ts";

/** Consecutive records of one partition. */
export interface PreparedPartition {
  readonly range: OffsetRange;
  readonly records: readonly DecodedRecord[];
}

/** What a batch brings for one tenant, ready to be stored. */
export interface PreparedTenant {
  readonly tenant: TenantId;
  readonly partitions: readonly PreparedPartition[];
  readonly rows: TenantRows;
}

/** A batch decoded and encoded: all that needs no database. */
export interface PreparedBatch {
  readonly records: readonly LogRecord[];
  /** What it was decoded with. */
  readonly historyOf: HistoryOf;
  /** Sorted by id: locks are taken in this order. */
  readonly tenants: readonly PreparedTenant[];
  /** Partitions whose records were not consecutive: what follows the gap is to be read again. */
  readonly gaps: readonly Seek[];
}

/** So many readings (0.7 ms) are decoded in one go; between them each of the ten round trips of a commit gets its turn. */
const READINGS_PER_TURN = 100;

/** @param historyOf - reaches up to the last record */
export async function prepareBatch(
  records: readonly LogRecord[],
  historyOf: HistoryOf,
): Promise<PreparedBatch> {
  const { runs, gaps } = consecutiveRuns(records);
  const tenants = new Map<TenantId, { partitions: PreparedPartition[]; rows: TenantRows }>();
  for (const run of runs) {
    const [first, last] = [run[0], run.at(-1)];
    const name = first === undefined ? undefined : parseTopicName(first.topic);
    if (first === undefined || last === undefined || name === undefined) continue; // the topic is none of ours
    const { tenant } = name;
    const prepared = tenants.get(tenant) ?? { partitions: [], rows: new TenantRows() };
    tenants.set(tenant, prepared);
    const { topic, partition, coversFrom: firstOffset } = first;
    prepared.partitions.push({
      range: { tenant, topic, partition, firstOffset, nextOffset: last.offset + 1n },
      records: await decodeInTurns(run, new RunDecoder(name, prepared.rows, historyOf(topic))),
    });
  }
  const sorted = [...tenants].sort(([a], [b]) => (a < b ? -1 : 1));
  return { records, historyOf, gaps, tenants: sorted.map(([tenant, prepared]) => ({ tenant, ...prepared })) };
}

async function decodeInTurns(
  run: readonly LogRecord[],
  decoder: RunDecoder,
): Promise<readonly DecodedRecord[]> {
  const decoded: DecodedRecord[] = [];
  let readingCount = 0;
  for (const record of run) {
    const ours = decoder.decode(record);
    decoded.push(ours);
    readingCount += ours.rowCount;
    if (readingCount < READINGS_PER_TURN) continue;
    await setImmediate();
    readingCount = 0;
  }
  return decoded;
}

/**
 * Splits by partition. A jump inside a partition ends its run: rows behind a gap must not be stored before it. Offsets
 * that the log gave to no record are no gap: the record behind them covers them.
 */
function consecutiveRuns(records: readonly LogRecord[]) {
  const runs = new Map<string, Run>();
  let run: Run | undefined;
  for (const record of records) {
    // Records come by partition, mostly: one look-up for each change of it.
    if (run?.partition !== record.partition || run.topic !== record.topic) {
      const { topic, partition, coversFrom: next } = record;
      const key = `${topic}/${partition}`;
      run = runs.get(key) ?? { topic, partition, records: [], next, hasGap: false };
      runs.set(key, run);
    }
    run.hasGap ||= record.coversFrom !== run.next;
    if (run.hasGap) continue;
    run.records.push(record);
    run.next = record.offset + 1n;
  }
  const all = [...runs.values()];
  const gaps = all
    .filter(({ hasGap }) => hasGap)
    .map(({ topic, partition, next: offset }) => ({ topic, partition, offset }));
  return { runs: all.map((one) => one.records), gaps };
}

interface Run extends TopicPartition {
  readonly records: LogRecord[];
  /** The offset that follows the last of `records`. */
  next: bigint;
  /** Nothing is taken behind a gap. */
  hasGap: boolean;
}
