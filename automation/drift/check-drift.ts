import type pg from "pg";
import { keepDrift, takeLookToken, wasOvertaken, type KeptDrift } from "../../data/catalog/stack-drift.ts";
import type { StackDifference } from "../../model/drift.ts";
import { MillwrightError } from "../../model/errors.ts";
import { tenantStackName, type TenantId } from "../../model/tenant.ts";
import type { Engine } from "../engine/engine.ts";

/** A look takes seconds; a stack whose database stands still must not keep the others from theirs. */
const LIMIT_MS = 5 * 60_000;

export interface DriftDeps {
  /** The catalog, as its service role. */
  readonly service: pg.Pool;
  readonly engine: Engine;
}

/**
 * Looks at a tenant's stack and keeps what it found. An operation that comes meanwhile takes the stack at once, for its
 * fencing token is higher.
 * @returns undefined when an operation has, or has taken, the tenant: nothing is known, and nothing kept
 * @throws MillwrightError `tenant-unknown`, `operation-cancelled` when `signal` aborts
 */
export async function checkTenantStack(
  { service, engine }: DriftDeps,
  tenant: TenantId,
  signal: AbortSignal,
): Promise<KeptDrift | undefined> {
  const fencingToken = await takeLookToken(service, tenant);
  if (fencingToken === undefined) return undefined;
  const stack = tenantStackName(tenant);
  const found = await look(engine, stack, fencingToken, signal);
  if (found.status === "failed" && (await wasOvertaken(service, tenant, fencingToken))) return undefined;
  return keepDrift(service, { stack, tenant, ...found });
}

/** The same of a stack that no operation works on. @param fencingToken - of who brought it up: it stays the owner */
export async function checkPlatformStack(
  { service, engine }: DriftDeps,
  stack: string,
  fencingToken: bigint,
  signal: AbortSignal,
): Promise<KeptDrift> {
  return keepDrift(service, { stack, tenant: null, ...(await look(engine, stack, fencingToken, signal)) });
}

type Found = Pick<KeptDrift, "status" | "differences" | "error">;

async function look(
  engine: Engine,
  stack: string,
  fencingToken: bigint,
  stopping: AbortSignal,
): Promise<Found> {
  const limit = AbortSignal.timeout(LIMIT_MS);
  const signal = AbortSignal.any([stopping, limit]);
  try {
    const differences = await differencesOf(engine, stack, fencingToken, signal);
    return { status: differences.length === 0 ? "clean" : "drifted", differences, error: undefined };
  } catch (error) {
    if (stopping.aborted) throw error;
    const code = error instanceof MillwrightError ? error.code : "internal";
    return { status: "failed", differences: [], error: limit.aborted ? "engine-timeout" : code };
  }
}

async function differencesOf(
  engine: Engine,
  stack: string,
  fencingToken: bigint,
  signal: AbortSignal,
): Promise<readonly StackDifference[]> {
  const session = await engine.open({ stack, config: {}, fencingToken, signal });
  try {
    return await session.drift();
  } finally {
    await session.close();
  }
}
