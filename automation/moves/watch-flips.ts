import type { Logger } from "pino";
import { repeat, type Repeated } from "../../data/wait.ts";
import { endOverdueFlips, type FlipDeps } from "./flip-tenant.ts";

/** What a dead mover's tenant waits beyond the flip's limit. Shorter asks the catalog more often for what hardly ever is. */
const EVERY_MS = 2_000;

/** Ends the flips that dead or stopped movers have left, every few seconds, until it is stopped. */
export function watchFlips(deps: FlipDeps, logger: Pick<Logger, "warn">): Repeated {
  return repeat(EVERY_MS, () => endAndTell(deps, logger));
}

async function endAndTell(deps: FlipDeps, logger: Pick<Logger, "warn">): Promise<void> {
  try {
    for (const { tenant: tenantId, error } of await endOverdueFlips(deps)) {
      if (error === undefined) logger.warn({ tenantId }, "ended a flip that its mover had left");
      else logger.warn({ tenantId, err: error }, "a flip that is overdue was not ended; tried again");
    }
  } catch (error) {
    logger.warn({ err: error }, "overdue flips could not be looked for; tried again");
  }
}
