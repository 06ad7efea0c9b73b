import type { ClientBase, Pool } from "pg";
import { readFences } from "../../data/cell/fence.ts";
import { listMachines } from "../../data/cell/machine.ts";
import { readReadings, type ReadingRow } from "../../data/cell/read-readings.ts";
import { inTransaction, isOutage, sqlState } from "../../data/pool.ts";
import { MillwrightError } from "../../model/errors.ts";
import type { ReadingType } from "../../model/reading.ts";
import { tenantNames, type TenantId } from "../../model/tenant.ts";
import { decodeCursor, encodeCursor } from "./cursor.ts";

export interface QueryDeps {
  /** Of the cell where the tenant is placed, as its query login. */
  readonly pool: Pool;
  readonly now: () => number;
}

export interface ReadingsRequest {
  readonly tenant: TenantId;
  /** Of the placement that led to this cell. */
  readonly epoch: bigint;
  readonly type: ReadingType;
  readonly machineId?: string | undefined;
  readonly siteId?: string | undefined;
  /** Milliseconds since the epoch, inclusive; all when left out. */
  readonly fromMs?: number | undefined;
  /** Exclusive; now when left out. */
  readonly toMs?: number | undefined;
  readonly resolution?: string | undefined;
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

export interface ReadingsPage {
  readonly rows: readonly ReadingRow[];
  /** undefined: nothing follows */
  readonly nextCursor: string | undefined;
}

export const DEFAULT_LIMIT = 1_000;
export const MAX_LIMIT = 10_000;
const QUERY_TIMEOUT_MS = 10_000;

/**
 * Raw readings by time, then by place in the log.
 * @throws MillwrightError `request-invalid`; `placement-changed` (retryable: fetch the placement and ask again);
 *   `database-unavailable` (retryable), also for a query that takes longer than {@link QUERY_TIMEOUT_MS}
 */
export async function queryReadings(
  { pool, now }: QueryDeps,
  request: ReadingsRequest,
): Promise<ReadingsPage> {
  const { tenant, type, siteId, machineId, fromMs } = request;
  const limit = checkedLimit(request);
  const after = request.cursor === undefined ? undefined : decodeCursor(request.cursor);
  // + 1: the bound is exclusive, and a reading of this very millisecond is not from the future
  const toMs = request.toMs ?? now() + 1;
  const found = await inPlacement(pool, request, async (tx) => {
    const machineIds = machineId === undefined ? await listMachines(tx, tenant, type, siteId) : [machineId];
    await tx.query("select set_config('role', $1, true)", [tenantNames(tenant).reader]);
    // one more than asked tells whether a page follows
    return readReadings(tx, { tenant, type, machineIds, siteId, fromMs, toMs, after, limit: limit + 1 });
  });
  const page = found.slice(0, limit);
  const last = page.at(-1);
  const nextCursor = found.length > limit && last !== undefined ? encodeCursor(last.place) : undefined;
  return { rows: page.map(({ row }) => row), nextCursor };
}

/** Runs `work` in one read-only snapshot in which the tenant is at home here. */
async function inPlacement<T>(
  pool: Pool,
  { tenant, epoch }: ReadingsRequest,
  work: (tx: ClientBase) => Promise<T>,
): Promise<T> {
  try {
    return await inTransaction(
      pool,
      async (tx) => {
        await tx.query(`set transaction read only; set local statement_timeout = ${QUERY_TIMEOUT_MS}`);
        const fence = (await readFences(tx, [tenant])).get(tenant);
        // A closed fence still answers: the rows are all there, only writers wait.
        if (fence?.role !== "primary" || fence.epoch !== epoch) throw placementChanged(tenant);
        return work(tx);
      },
      "repeatable read",
    );
  } catch (error) {
    throw asQueryError(error);
  }
}

function checkedLimit({ limit = DEFAULT_LIMIT, resolution = "raw" }: ReadingsRequest): number {
  if (resolution !== "raw") throw invalid("resolution", "only 'raw' is available");
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT)
    throw invalid("limit", `must be a whole number from 1 to ${MAX_LIMIT}`);
  return limit;
}

function invalid(field: string, message: string): MillwrightError {
  return new MillwrightError("request-invalid", `${field} ${message}`, {
    fields: [{ pointer: `/${field}`, message }],
  });
}

function placementChanged(tenant: TenantId): MillwrightError {
  return new MillwrightError("placement-changed", `The readings of ${tenant} have moved; ask again.`, {
    retryable: true,
  });
}

function asQueryError(error: unknown): unknown {
  if (error instanceof MillwrightError) return error;
  if (sqlState(error) === "57014")
    return new MillwrightError(
      "database-unavailable",
      `The query took longer than ${QUERY_TIMEOUT_MS / 1000} s; narrow from and to, or name a machine.`,
      { retryable: true, cause: error },
    );
  if (!isOutage(error)) return error;
  return new MillwrightError("database-unavailable", "The tenant's database is away; try again.", {
    retryable: true,
    cause: error,
  });
}
