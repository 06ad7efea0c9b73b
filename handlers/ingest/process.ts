import type { ClientBase, Pool } from "pg";
import { lockBatches, saveBatches } from "../../data/batch.ts";
import { copyAll, CopyFailure } from "../../data/cell/copy-all.ts";
import { copyOf, copyReadingsBisecting } from "../../data/cell/copy-readings.ts";
import { keepDeadLetters, type DeadLetter } from "../../data/cell/dead-letter.ts";
import { addDirtyMarks } from "../../data/cell/dirty-mark.ts";
import { readFences, tryShareTenants } from "../../data/cell/fence.ts";
import { advancePositions } from "../../data/cell/log-position.ts";
import { rememberMachines } from "../../data/cell/machine.ts";
import type { ReadingRows, RowOrigin, RowRange } from "../../data/cell/reading-rows.ts";
import { addUsage } from "../../data/cell/usage.ts";
import type { LogRecord, Seek } from "../../data/event-log/event-log.ts";
import { inTransaction } from "../../data/pool.ts";
import type { DeadLetterReason } from "../../model/dead-letter.ts";
import type { Fence } from "../../model/flip.ts";
import { tenantNames, type TenantId } from "../../model/tenant.ts";
import { readingBytes } from "../decode-value.ts";
import { admit, batchKeys } from "./admit.ts";
import { deadLetterOf, type DecodedRecord } from "./decode.ts";
import type { Memory } from "./memory.ts";
import type { PreparedBatch, PreparedPartition, PreparedTenant } from "./prepare.ts";
import { dirtyMarksOf, newMachinesOf, usageOf } from "./side-effects.ts";

export interface StoreDeps {
  readonly pool: Pool;
  readonly memory: Memory;
  /** Epoch of the placement that the caller acts under; undefined: the tenant is not placed in this cell. */
  readonly epochOf: (tenant: TenantId) => bigint | undefined;
}

/** Where a tenant's part of a partition goes on. */
export interface TenantSeek extends Seek {
  readonly tenant: TenantId;
}

export interface StoreOutcome {
  /** Partitions that must go on at the stored position, in either direction. */
  readonly seeks: readonly TenantSeek[];
  /** Partitions whose position moved. */
  readonly taken: readonly PreparedPartition[];
  /** Tenants that left the commit, because a mover waits or the fence is not ours. Their neighbours went on. */
  readonly left: readonly TenantId[];
  readonly rowCount: number;
  readonly deadLetterCount: number;
  /** One for each letter of a tenant that is at home here: a shadow's are counted where it is. */
  readonly deadLetterReasons: readonly DeadLetterReason[];
}

/** The part of a batch that one tenant's tables refused: the others need not wait for it. */
export class TenantFailure extends Error {
  readonly tenant: TenantId;
  constructor(tenant: TenantId, cause: unknown) {
    super(`storing readings of ${tenant} failed`, { cause });
    this.tenant = tenant;
  }
}

/**
 * Stores a batch, exactly once, in one READ COMMITTED transaction (PROTOCOLS §2): lock, fence, position, rows, side
 * tables. Either all of it is there or nothing. Round trips: begin, lock, fence, position (2), rows, usage, marks, commit = 9;
 * 2 when clients gave batch ids; 1 each for new machines and for dead letters.
 *
 * @param isBisecting - finds and dead-letters rows that the database refuses (SQLSTATE 22, 23, 54000); the plain way
 *   is tried first, because it needs no savepoints
 */
export async function storeBatch(
  deps: StoreDeps,
  batch: PreparedBatch,
  isBisecting = false,
): Promise<StoreOutcome> {
  const outcome = await inTransaction(deps.pool, async (tx) => {
    const fences = await openFences(tx, deps, batch);
    const open = batch.tenants.filter(({ tenant }) => fences.has(tenant));
    const { taken, seeks } = await takePositions(tx, open);
    const { admitted, reused, learnt } = await admitRecords(tx, taken);
    await saveBatches(tx, "millwright.batch", learnt);

    const stored = new Set(admitted.map(({ source }) => source));
    const tables = tablesOf(open, stored);
    const refused = isBisecting ? await copyBisecting(tx, tables) : await copyTables(tx, tables);

    // A shadow's too, or what it stores before it becomes home would be in nobody's meters: only those of the home count.
    await addUsage(tx, usageOf(admitted));
    await addDirtyMarks(tx, dirtyMarksOf(admitted));
    const machines = newMachinesOf(admitted, deps.memory);
    await rememberMachines(tx, machines);
    const deadLetters = [
      ...admitted.flatMap((record) => record.deadLetters),
      ...reused.map(asReused),
      ...refused,
    ];
    await keepDeadLetters(tx, deadLetters);

    const left = batch.tenants.map(({ tenant }) => tenant).filter((tenant) => !fences.has(tenant));
    const rowCount = admitted.reduce((sum, record) => sum + record.rowCount, 0) - refused.length;
    const isAtHome = ({ tenant }: { readonly tenant: TenantId }) => fences.get(tenant)?.role === "primary";
    const deadLetterReasons = deadLetters.filter(isAtHome).map(({ reason }) => reason);
    const counts = { rowCount, deadLetterCount: deadLetters.length, deadLetterReasons };
    return { seeks, taken, left, ...counts, machines };
  });
  // Only what is committed is remembered: a machine of a rolled-back batch would never be written.
  const { machines, ...answer } = outcome;
  deps.memory.addMachines(machines.map(({ key }) => key));
  return answer;
}

/** The fences of the tenants that this transaction may write, their locks held. */
async function openFences(
  tx: ClientBase,
  { epochOf }: StoreDeps,
  { tenants }: PreparedBatch,
): Promise<ReadonlyMap<TenantId, Fence>> {
  const free = await tryShareTenants(
    tx,
    tenants.map(({ tenant }) => tenant),
  );
  const fences = await readFences(tx, [...free]);
  return new Map(
    [...fences].filter(([tenant, fence]) => {
      const epoch = epochOf(tenant);
      // A fence above our placement was raised by a move that we have not heard of.
      return epoch !== undefined && !fence.isClosed && fence.epoch <= epoch;
    }),
  );
}

async function takePositions(tx: ClientBase, open: readonly PreparedTenant[]) {
  const partitions = open.flatMap((tenant) => tenant.partitions);
  const stored = await advancePositions(
    tx,
    partitions.map(({ range }) => range),
  );
  const taken = partitions.filter(({ range }) => stored.get(range) === range.firstOffset);
  const seeks = partitions.flatMap(({ range }) => {
    const offset = stored.get(range);
    if (offset === undefined)
      throw new TenantFailure(range.tenant, new Error(`no position of ${range.topic}`));
    if (offset === range.firstOffset) return [];
    return [{ tenant: range.tenant, topic: range.topic, partition: range.partition, offset }];
  });
  return { taken, seeks };
}

async function admitRecords(tx: ClientBase, taken: readonly PreparedPartition[]) {
  const records = taken.flatMap((partition) => partition.records);
  return admit(records, await lockBatches(tx, "millwright.batch", batchKeys(records)));
}

/** The rows of `stored` records, table by table. */
interface TableRows {
  readonly prepared: PreparedTenant;
  readonly schema: string;
  readonly rows: ReadingRows;
  readonly ranges: readonly RowRange[];
}

function tablesOf(open: readonly PreparedTenant[], stored: ReadonlySet<LogRecord>): readonly TableRows[] {
  return open.flatMap((prepared) =>
    [...prepared.rows.tables()].flatMap((rows) => {
      const ranges = rows.rangesOf((record) => stored.has(record));
      return ranges.length === 0
        ? []
        : [{ prepared, schema: tenantNames(prepared.tenant).schema, rows, ranges }];
    }),
  );
}

/** COPYs all tables of all tenants at once: small tenants cost a round trip together, not each. */
async function copyTables(tx: ClientBase, tables: readonly TableRows[]): Promise<readonly []> {
  try {
    await copyAll(
      tx,
      tables.map(({ schema, rows, ranges }) => copyOf(schema, rows, ranges)),
    );
    return [];
  } catch (error) {
    const failed = error instanceof CopyFailure ? tables[error.index] : undefined;
    if (failed === undefined || !(error instanceof CopyFailure)) throw error;
    throw new TenantFailure(failed.prepared.tenant, error.cause);
  }
}

/** The same table by table; answers what the database refused. */
async function copyBisecting(tx: ClientBase, tables: readonly TableRows[]): Promise<readonly DeadLetter[]> {
  const refused: DeadLetter[] = [];
  for (const { prepared, schema, rows, ranges } of tables) {
    try {
      for (const { place, error } of await copyReadingsBisecting(tx, schema, rows, ranges))
        refused.push(asRefused(prepared, rows.originOf(place), error));
    } catch (error) {
      throw new TenantFailure(prepared.tenant, error);
    }
  }
  return refused;
}

function asReused(record: DecodedRecord): DeadLetter {
  const message = `batch '${record.batch?.id ?? ""}' came with another body within the last 24 h`;
  return deadLetterOf(record, "batch-id-reused", message);
}

function asRefused(
  { partitions }: PreparedTenant,
  { record: source, ordinal }: RowOrigin,
  { message }: Error,
): DeadLetter {
  const record = partitions.flatMap(({ records }) => records).find((one) => one.source === source);
  if (record === undefined) throw new RangeError("a row belongs to no record");
  return deadLetterOf(record, "database-refused", message, ordinal, readingBytes(source, ordinal));
}
