import { setTimeout as delay } from "node:timers/promises";
import { MillwrightError } from "../../../model/errors.ts";
import type { TenantId } from "../../../model/tenant.ts";
import type { EventLog } from "../../event-log/event-log.ts";
import type { Sides } from "./move-session.ts";
import { hasReached, readPositions, type Position } from "./positions.ts";

/** Short against the pause that a flip is; long against what the question costs. */
const POLL_MS = 10;

/** Waits until the target has stored everything below `goals`. */
export async function awaitPositions(
  { tenant, target }: Pick<Sides, "tenant" | "target">,
  goals: readonly Position[],
  signal: AbortSignal,
): Promise<void> {
  while (!hasReached(await readPositions(target, tenant), goals)) await delay(POLL_MS, undefined, { signal });
}

/** How a shadow stands towards the log. */
export interface ShadowStanding {
  /** Records that it has still to store. */
  readonly lag: bigint;
  /** Records that the log may drop before it drops one that the shadow needs; of the partition where it is fewest. */
  readonly headroom: bigint;
}

/**
 * Looks whether the log still holds what a shadow needs. To be asked all the time while there is one: a copy that takes
 * longer than the log's retention can never be completed.
 * @throws MillwrightError `offset-out-of-range` when it does not: the shadow is worth nothing, and the move begins anew
 */
export async function watchShadow(
  log: Pick<EventLog, "bounds">,
  { tenant, positions }: { readonly tenant: TenantId; readonly positions: readonly Position[] },
): Promise<ShadowStanding> {
  const bounds = await Promise.all(positions.map((position) => log.bounds(position)));
  let lag = 0n;
  let headroom: bigint | undefined;
  for (const [index, { topic, partition, nextOffset }] of positions.entries()) {
    const { start, end } = bounds[index] ?? { start: 0n, end: 0n };
    if (nextOffset < start)
      throw new MillwrightError(
        "offset-out-of-range",
        `The log of ${tenant} begins at ${start} in ${topic}/${partition}, the shadow needs it from ${nextOffset}; keep the log for longer, and move again.`,
      );
    lag += end > nextOffset ? end - nextOffset : 0n;
    const room = nextOffset - start;
    if (headroom === undefined || room < headroom) headroom = room;
  }
  return { lag, headroom: headroom ?? 0n };
}
