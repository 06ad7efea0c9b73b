import { setImmediate } from "node:timers/promises";
import type { RowRange } from "../../data/cell/copy-readings.ts";
import type { OffsetRange } from "../../data/cell/log-position.ts";
import { ReadingRows } from "../../data/cell/reading-rows.ts";
import type { LogRecord, Seek } from "../../data/event-log/event-log.ts";
import { READING_TYPES, type ReadingType } from "../../model/reading.ts";
import type { TenantId } from "../../model/tenant.ts";
import { decodeRecord, type DecodedRecord } from "./decode.ts";

/** Consecutive records of one partition. */
export interface PreparedPartition {
  readonly range: OffsetRange;
  readonly records: readonly DecodedRecord[];
}

/** What a batch brings for one tenant, ready to be stored. */
export interface PreparedTenant {
  readonly tenant: TenantId;
  /** Sorted by topic and partition. */
  readonly partitions: readonly PreparedPartition[];
  readonly rows: ReadonlyMap<ReadingType, ReadingRows>;
  /** Where each record's rows are; a record without readings of a type has no range of it. */
  readonly ranges: ReadonlyMap<DecodedRecord, ReadonlyMap<ReadingType, RowRange>>;
}

/** A batch decoded and encoded: all that needs no database. */
export interface PreparedBatch {
  readonly records: readonly LogRecord[];
  /** Sorted by id: locks are taken in this order. */
  readonly tenants: readonly PreparedTenant[];
  /** Partitions whose records were not consecutive: what follows the gap is to be read again. */
  readonly gaps: readonly Seek[];
}

/** So many readings (about 2 ms) are decoded in one go; between them a commit that is under way gets its turn. */
const READINGS_PER_TURN = 500;

export async function prepareBatch(records: readonly LogRecord[]): Promise<PreparedBatch> {
  const { runs, gaps } = consecutiveRuns(records);
  const partitions = new Map<TenantId, PreparedPartition[]>();
  for (const run of runs) {
    const decoded = await decodeInTurns(run);
    const [first, last] = [decoded[0], decoded.at(-1)];
    if (first === undefined || last === undefined) continue;
    const { tenant, topic, partition, offset: firstOffset } = first;
    const range = { tenant, topic, partition, firstOffset, nextOffset: last.offset + 1n };
    partitions.set(tenant, [...(partitions.get(tenant) ?? []), { range, records: decoded }]);
  }
  const tenants = [...partitions].sort(([a], [b]) => compare(a, b));
  const prepared: PreparedTenant[] = [];
  for (const [tenant, parts] of tenants) prepared.push(await encodeInTurns(tenant, parts));
  return { records, gaps, tenants: prepared };
}

async function decodeInTurns(run: readonly LogRecord[]): Promise<readonly DecodedRecord[]> {
  const decoded: DecodedRecord[] = [];
  let readingCount = 0;
  for (const record of run) {
    const ours = decodeRecord(record);
    if (ours === undefined) continue;
    decoded.push(ours);
    readingCount += ours.readings.length;
    if (readingCount < READINGS_PER_TURN) continue;
    await setImmediate();
    readingCount = 0;
  }
  return decoded;
}

async function encodeInTurns(
  tenant: TenantId,
  partitions: readonly PreparedPartition[],
): Promise<PreparedTenant> {
  const sorted = partitions.toSorted(
    ({ range: a }, { range: b }) => compare(a.topic, b.topic) || a.partition - b.partition,
  );
  const records = sorted.flatMap((part) => part.records);
  const counts = new Map<ReadingType, number>();
  for (const { readings } of records)
    for (const { reading } of readings) counts.set(reading.type, (counts.get(reading.type) ?? 0) + 1);
  const rows = new Map<ReadingType, ReadingRows>();
  for (const type of READING_TYPES) {
    const count = counts.get(type);
    if (count !== undefined) rows.set(type, new ReadingRows(type, count));
  }
  const ranges = new Map<DecodedRecord, ReadonlyMap<ReadingType, RowRange>>();
  let readingCount = 0;
  for (const record of records) {
    ranges.set(record, encodeRecord(record, rows));
    readingCount += record.readings.length;
    if (readingCount < READINGS_PER_TURN) continue;
    await setImmediate();
    readingCount = 0;
  }
  return { tenant, partitions: sorted, rows, ranges };
}

/** Appends the record's rows to those of its tenant and answers where they are. */
function encodeRecord(
  { readings, logRef }: DecodedRecord,
  rows: ReadonlyMap<ReadingType, ReadingRows>,
): ReadonlyMap<ReadingType, RowRange> {
  const starts = [...rows.values()].map((ofType) => ofType.count);
  for (const { reading, ordinal } of readings) rows.get(reading.type)?.add(reading, logRef, ordinal);
  return new Map(
    [...rows].map(([type, ofType], index) => [type, { from: starts[index] ?? 0, to: ofType.count }]),
  );
}

/** Splits by partition. A jump inside a partition ends its run: rows behind a gap must not be stored before it. */
function consecutiveRuns(records: readonly LogRecord[]) {
  const runs = new Map<string, LogRecord[]>();
  const gaps = new Map<string, Seek>();
  for (const record of records) {
    const key = `${record.topic}/${record.partition}`;
    const run = runs.get(key);
    const expected = (run?.at(-1)?.offset ?? record.offset - 1n) + 1n;
    if (run === undefined) runs.set(key, [record]);
    else if (gaps.has(key)) continue;
    else if (record.offset === expected) run.push(record);
    else gaps.set(key, { topic: record.topic, partition: record.partition, offset: expected });
  }
  return { runs: [...runs.values()], gaps: [...gaps.values()] };
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
