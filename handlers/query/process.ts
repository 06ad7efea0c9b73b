import type { Pool } from "pg";
import { listMachines } from "../../data/cell/machine.ts";
import { OWN_QUERY, readReadings, type ReadingRow } from "../../data/cell/read-readings.ts";
import { MillwrightError } from "../../model/errors.ts";
import type { ReadingType } from "../../model/reading.ts";
import { tenantNames } from "../../model/tenant.ts";
import { decodeCursor, encodeCursor } from "./cursor.ts";
import { inPlacement, type PlacedTenant } from "./in-placement.ts";

export interface QueryDeps {
  /** Of the cell where the tenant is placed, as its query login. */
  readonly pool: Pool;
  readonly now: () => number;
  /** Told how long the database was busy with the query, also with one that failed. */
  readonly spent: (durationMs: number) => void;
}

export interface ReadingsRequest extends PlacedTenant {
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

/**
 * Raw readings by time, then by place in the log.
 * @throws MillwrightError `request-invalid`, and what {@link inPlacement} throws
 */
export async function queryReadings(
  { pool, now, spent }: QueryDeps,
  request: ReadingsRequest,
): Promise<ReadingsPage> {
  const { tenant, type, siteId, machineId, fromMs } = request;
  const limit = checkedLimit(request);
  const after = request.cursor === undefined ? undefined : decodeCursor(request.cursor);
  // + 1: the bound is exclusive, and a reading of this very millisecond is not from the future
  const toMs = request.toMs ?? now() + 1;
  const found = await inPlacement(pool, request, "read only", async (tx) => {
    const startMs = performance.now(); // a wait for a connection is behind us
    try {
      const machineIds = machineId === undefined ? await listMachines(tx, tenant, type, siteId) : [machineId];
      await tx.query(`select ${OWN_QUERY} set_config('role', $1, true)`, [tenantNames(tenant).reader]);
      // one more than asked tells whether a page follows
      return await readReadings(tx, {
        tenant,
        type,
        machineIds,
        siteId,
        fromMs,
        toMs,
        after,
        limit: limit + 1,
      });
    } finally {
      spent(performance.now() - startMs);
    }
  });
  const page = found.slice(0, limit);
  const last = page.at(-1);
  const nextCursor = found.length > limit && last !== undefined ? encodeCursor(last.place) : undefined;
  return { rows: page.map(({ row }) => row), nextCursor };
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
