import type { Logger } from "pino";
import { tenantsToCheck, type KeptDrift } from "../../data/catalog/stack-drift.ts";
import { pause } from "../../data/wait.ts";
import { DAY_MS, HOUR_MS } from "../../model/duration.ts";
import type { TenantId } from "../../model/tenant.ts";
import { checkPlatformStack, checkTenantStack, type DriftDeps } from "./check-drift.ts";

/** Installations that share a server or a cloud account do not all ask at once. */
const JITTER_MS = HOUR_MS;

export interface DriftWatch {
  /** When its turn comes: one stack is looked at at a time. See {@link checkTenantStack}. */
  readonly checkNow: (tenant: TenantId) => Promise<KeptDrift | undefined>;
  readonly stop: () => Promise<void>;
}

interface DriftWatchDeps extends DriftDeps {
  /** Of the day in UTC, 0 to 23. */
  readonly hour: number;
  /** The platform's own stack and the token it was brought up with. */
  readonly platformStack: () => Promise<
    { readonly stack: string; readonly fencingToken: bigint } | undefined
  >;
  readonly logger: Pick<Logger, "info" | "warn">;
}

/**
 * Looks at every stack once a night, one after the other, until it is stopped. A night on which the service does not run
 * is left out: what a start made up for would come in the middle of the day's work.
 */
export function watchDrift(deps: DriftWatchDeps): DriftWatch {
  const stopping = new AbortController();
  const { signal } = stopping;
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(check: () => Promise<T>): Promise<T> => {
    const next = turn.then(check);
    turn = next.catch(() => undefined);
    return next;
  };
  const jitterMs = Math.random() * JITTER_MS;

  const watching = (async () => {
    for (;;) {
      await pause(untilNightMs(Date.now(), deps.hour, jitterMs), signal);
      if (signal.aborted) return;
      await checkAll(deps, inTurn, signal).catch((error: unknown) =>
        deps.logger.warn({ err: error }, "the stacks were not all looked at"),
      );
    }
  })();
  return {
    checkNow: (tenant) => inTurn(() => checkTenantStack(deps, tenant, signal)),
    async stop() {
      stopping.abort();
      await Promise.all([watching, turn]);
    },
  };
}

/** Until the hour and the jitter next meet; never 0, for then one night would be two. */
export function untilNightMs(nowMs: number, hour: number, jitterMs: number): number {
  return DAY_MS - ((nowMs - hour * HOUR_MS - jitterMs) % DAY_MS);
}

async function checkAll(
  deps: DriftWatchDeps,
  inTurn: <T>(check: () => Promise<T>) => Promise<T>,
  signal: AbortSignal,
): Promise<void> {
  const platform = await deps.platformStack();
  if (platform !== undefined) {
    const { stack, fencingToken } = platform;
    tell(deps, await inTurn(() => checkPlatformStack(deps, stack, fencingToken, signal)));
  }
  for (const tenant of await tenantsToCheck(deps.service)) {
    if (signal.aborted) return;
    try {
      tell(deps, await inTurn(() => checkTenantStack(deps, tenant, signal)));
    } catch (error) {
      deps.logger.warn({ tenantId: tenant, err: error }, "a stack was not looked at");
    }
  }
}

function tell({ logger }: DriftWatchDeps, found: KeptDrift | undefined): void {
  if (found === undefined || found.status === "clean") return;
  const { stack, status, differences, error } = found;
  logger.warn({ stack, status, differenceCount: differences.length, error }, "a stack is not as it was made");
}
