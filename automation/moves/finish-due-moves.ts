import type pg from "pg";
import type { Logger } from "pino";
import { dueMoves } from "../../data/catalog/tenant-move.ts";
import { repeat, type Repeated } from "../../data/wait.ts";
import type { Actor, OperationService } from "../operations/service.ts";

/** Nobody waits for a home that was left to go. */
const EVERY_MS = 30_000;

const PLATFORM: Actor = { id: "platform", role: "platform" };

export interface FinishDeps {
  /** The catalog, as its service role. */
  readonly service: pg.Pool;
  readonly operations: Pick<OperationService, "startFinishMove">;
  readonly logger: Pick<Logger, "warn">;
}

/** Takes away homes that tenants have left, when their grace period is over, until it is stopped. */
export function finishDueMoves(deps: FinishDeps, everyMs = EVERY_MS): Repeated {
  return repeat(everyMs, () =>
    finishAll(deps).catch((error: unknown) =>
      deps.logger.warn(
        { err: error },
        "moves whose grace period is over could not be looked for; tried again",
      ),
    ),
  );
}

/** Each once: the move's id is the key, so any number of processes may do this. */
async function finishAll({ service, operations, logger }: FinishDeps): Promise<void> {
  for (const { operation, tenant } of await dueMoves(service)) {
    const request = {
      actor: PLATFORM,
      idempotencyKey: `finish ${operation}`,
      reason: "the grace period is over",
    };
    await operations
      .startFinishMove(tenant, request)
      .catch((error: unknown) =>
        logger.warn(
          { tenantId: tenant, err: error },
          "a home that was left could not be taken away; tried again",
        ),
      );
  }
}
