import { setImmediate } from "node:timers/promises";
import type { HistoryOf } from "../../data/catalog/machine-histories.ts";
import type { OffsetRange } from "../../data/cell/log-position.ts";
import { TenantRows } from "../../data/cell/reading-rows.ts";
import type { LogRecord, Seek, TopicPartition } from "../../data/event-log/event-log.ts";
import type { TenantId } from "../../model/tenant.ts";
import { parseTopicName, tenantTopicOf } from "../../model/topic-name.ts";
import { RunDecoder, type DecodedRecord } from "./decode.ts";

/** Consecutive records of one tenant in one partition. */
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
    const [first, last] = [run.records[0], run.records.at(-1)];
    const name = parseTopicName(run.topic);
    const { tenant } = parseTopicName(run.tenantTopic) ?? {};
    if (first === undefined || last === undefined) continue;
    if (name === undefined || tenant === undefined) continue; // none of ours
    const prepared = tenants.get(tenant) ?? { partitions: [], rows: new TenantRows() };
    tenants.set(tenant, prepared);
    const { topic, partition, coversFrom: firstOffset } = first;
    prepared.partitions.push({
      range: { tenant, topic, partition, firstOffset, nextOffset: last.offset + 1n },
      records: await decodeInTurns(
        run.records,
        new RunDecoder({ tenant, generation: name.generation }, prepared.rows, historyOf(run.tenantTopic)),
      ),
    });
  }
  const sorted = [...tenants].sort(([a], [b]) => (a < b ? -1 : 1));
  return { records, historyOf, gaps, tenants: sorted.map(([tenant, prepared]) => ({ tenant, ...prepared })) };
}

async function decodeInTurns(
  records: readonly LogRecord[],
  decoder: RunDecoder,
): Promise<readonly DecodedRecord[]> {
  const decoded: DecodedRecord[] = [];
  let readingCount = 0;
  for (const record of records) {
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
 * Splits by tenant and partition. A jump inside a partition ends its run: rows behind a gap must not be stored before it.
 * Offsets that the log gave to no record are no gap: the record behind them covers them.
 */
function consecutiveRuns(records: readonly LogRecord[]) {
  const runs = new Map<string, Run>();
  let run: Run | undefined;
  for (const record of records) {
    // Records come by partition, mostly: one look-up for each change of it.
    const tenantTopic = tenantTopicOf(record);
    if (tenantTopic === undefined) continue;
    if (run?.partition !== record.partition || run.tenantTopic !== tenantTopic) {
      const { topic, partition, coversFrom: next } = record;
      const key = `${tenantTopic}/${partition}`;
      run = runs.get(key) ?? { topic, tenantTopic, partition, records: [], next, hasGap: false };
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
  return { runs: all, gaps };
}

interface Run extends TopicPartition {
  readonly tenantTopic: string;
  readonly records: LogRecord[];
  /** The offset that follows the last of `records`. */
  next: bigint;
  /** Nothing is taken behind a gap. */
  hasGap: boolean;
}
