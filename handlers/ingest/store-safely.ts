import { endStalledCopies } from "../../data/cell/end-stalled-copies.ts";
import { failureKind } from "../../data/cell/failure.ts";
import { MillwrightError } from "../../model/errors.ts";
import type { TenantId } from "../../model/tenant.ts";
import { makeRoom } from "./make-room.ts";
import { prepareBatch, type PreparedBatch } from "./prepare.ts";
import { storeBatch, TenantFailure, type StoreDeps, type StoreOutcome } from "./process.ts";

/** A tenant whose readings cannot be stored until somebody acts; the others go on. */
export interface IngestAlarm {
  readonly tenant: TenantId;
  readonly error: unknown;
}

export interface SafeStoreDeps extends StoreDeps {
  readonly alarm: (alarm: IngestAlarm) => void;
}

/** How a batch is tried: what fails amid the search for bad rows is judged like any failure. */
interface Attempt {
  readonly failureCount: number;
  readonly isBisecting: boolean;
}

/** An unknown failure may pass; one that comes this often has a cause that somebody must find. */
const UNKNOWN_FAILURE_TRIES = 3;

/**
 * Stores a batch and lets the SQLSTATE decide about a failure (PROTOCOLS §2): bad rows become dead letters, too much
 * is halved, a tenant whose tables or rights are missing is left out with an alarm.
 * @throws MillwrightError `database-unavailable` on an outage: nothing is dead-lettered, everything is retried later
 */
export async function storeSafely(
  deps: SafeStoreDeps,
  batch: PreparedBatch,
  { failureCount, isBisecting }: Attempt = { failureCount: 0, isBisecting: false },
): Promise<StoreOutcome> {
  try {
    await makeRoom(deps.pool, deps.memory, placedOnly(deps, batch));
    return await storeBatch(deps, batch, isBisecting);
  } catch (error) {
    const cause = error instanceof TenantFailure ? error.cause : error;
    switch (failureKind(cause)) {
      case "outage":
        throw new MillwrightError(
          "database-unavailable",
          "The cell's database is away; ingestion waits for it.",
          {
            retryable: true,
            cause,
          },
        );
      case "data":
        // What is refused though each row was tried alone is no row: looking again would find it again.
        if (isBisecting) return storeWithout(deps, batch, error);
        // 23514 is also what a missing partition answers: they are made sure of before a row is called bad.
        deps.memory.forget();
        return storeSafely(deps, batch, { failureCount, isBisecting: true });
      case "too-much":
        return storeHalves(deps, batch, error);
      case "timeout":
        await endStalledCopies(deps.pool); // a stopped process may hold what we waited for
        return failureCount === 0
          ? storeSafely(deps, batch, { failureCount: 1, isBisecting })
          : storeHalves(deps, batch, error);
      case "misconfigured":
        return storeWithout(deps, batch, error);
      case "unknown":
        if (failureCount + 1 < UNKNOWN_FAILURE_TRIES)
          return storeSafely(deps, batch, { failureCount: failureCount + 1, isBisecting });
        return storeWithout(deps, batch, error);
    }
  }
}

/** In order, so that the second half finds the position where the first left it. */
async function storeHalves(deps: SafeStoreDeps, batch: PreparedBatch, error: unknown): Promise<StoreOutcome> {
  const { records, historyOf } = batch;
  // One tenant's record that cannot be made smaller: its neighbours do not wait for it.
  if (records.length < 2) return storeWithout(deps, batch, error);
  const middle = records.length >> 1;
  const first = await storeSafely(deps, await prepareBatch(records.slice(0, middle), historyOf));
  const second = await storeSafely(deps, await prepareBatch(records.slice(middle), historyOf));
  return {
    seeks: [...first.seeks, ...second.seeks],
    taken: [...first.taken, ...second.taken],
    left: [...new Set([...first.left, ...second.left])],
    rowCount: first.rowCount + second.rowCount,
    deadLetterCount: first.deadLetterCount + second.deadLetterCount,
    deadLetterReasons: [...first.deadLetterReasons, ...second.deadLetterReasons],
  };
}

async function storeWithout(
  deps: SafeStoreDeps,
  batch: PreparedBatch,
  error: unknown,
): Promise<StoreOutcome> {
  // not one tenant's failure: the cell itself is wrong, and the consumer backs off as a whole
  if (!(error instanceof TenantFailure)) throw error;
  const { tenant, cause } = error;
  deps.alarm({ tenant, error: cause });
  const tenants = batch.tenants.filter((prepared) => prepared.tenant !== tenant);
  const records = tenants.flatMap(({ partitions }) => partitions.flatMap((partition) => partition.records));
  const kept = new Set(records.map(({ source }) => source));
  const others = {
    ...batch,
    tenants,
    records: batch.records.filter((record) => kept.has(record)),
  };
  const outcome = await storeSafely(deps, others);
  return { ...outcome, left: [...outcome.left, tenant] };
}

function placedOnly({ epochOf }: StoreDeps, batch: PreparedBatch): PreparedBatch {
  return { ...batch, tenants: batch.tenants.filter(({ tenant }) => epochOf(tenant) !== undefined) };
}
