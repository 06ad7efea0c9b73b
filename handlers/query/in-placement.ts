import type { ClientBase, Pool } from "pg";
import { readFences, tryShareTenants } from "../../data/cell/fence.ts";
import { inTransaction, isOutage, sqlState } from "../../data/pool.ts";
import { MillwrightError } from "../../model/errors.ts";
import { isHome } from "../../model/flip.ts";
import type { TenantId } from "../../model/tenant.ts";

/** A tenant, and the epoch of the placement that led to a cell. */
export interface PlacedTenant {
  readonly tenant: TenantId;
  readonly epoch: bigint;
}

const TIMEOUT_MS = 10_000;

/**
 * Runs `work` in a transaction in which the tenant is at home here; reads see one snapshot.
 * @throws MillwrightError `placement-changed` (retryable: fetch the placement and ask again);
 *   `database-unavailable` (retryable), also for work whose statement takes longer than {@link TIMEOUT_MS}
 */
export async function inPlacement<T>(
  pool: Pool,
  { tenant, epoch }: PlacedTenant,
  access: "read only" | "read write",
  work: (tx: ClientBase) => Promise<T>,
): Promise<T> {
  try {
    return await inTransaction(
      pool,
      async (tx) => {
        await tx.query(`set transaction ${access}; set local statement_timeout = ${TIMEOUT_MS}`);
        const isFree = access === "read only" || (await tryShareTenants(tx, [tenant])).has(tenant);
        const fence = (await readFences(tx, [tenant])).get(tenant);
        // A closed fence still answers: the rows are all there, only writers wait.
        const isShut = access === "read write" && (!isFree || fence?.isClosed === true);
        if (fence === undefined || isShut || !isHome(fence, epoch)) throw placementChanged(tenant);
        return work(tx);
      },
      access === "read only" ? "repeatable read" : "read committed",
    );
  } catch (error) {
    throw asQueryError(error);
  }
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
      `The query took longer than ${TIMEOUT_MS / 1000} s; narrow from and to, or name a machine.`,
      { retryable: true, cause: error },
    );
  if (!isOutage(error)) return error;
  return new MillwrightError("database-unavailable", "The tenant's database is away; try again.", {
    retryable: true,
    cause: error,
  });
}
