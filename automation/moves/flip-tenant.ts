import type pg from "pg";
import {
  abortFlip,
  beginFlip,
  decideFlip,
  overdueFlips,
  readFlip,
  settleFlip,
} from "../../data/catalog/flip.ts";
import type { CellSecret } from "../../data/cell/cell-secret.ts";
import { openFence, raiseFence, shadowFence } from "../../data/cell/flip-fence.ts";
import { MillwrightError } from "../../model/errors.ts";
import { FLIP_LIMIT_MS, type FlipPlacement } from "../../model/flip.ts";
import type { TenantId } from "../../model/tenant.ts";

export interface FlipDeps {
  /** The catalog, as its service role. */
  readonly service: pg.Pool;
  readonly secretOf: (cell: string) => Promise<CellSecret>;
}

export interface Flip {
  readonly tenant: TenantId;
  /** Of the placement that the caller knows. */
  readonly epoch: bigint;
  /** The cell that becomes home: a shadow that has almost caught up. */
  readonly target: string;
  /** How long the old home follows, for the way back. */
  readonly graceMs: number;
  /**
   * Called when the source is closed: its positions are final. Resolves when the target holds all that the source does
   * and that is proven; gives up when `signal` aborts.
   */
  readonly prove: (signal: AbortSignal) => Promise<void>;
}

/**
 * Makes the target the tenant's home, within {@link FLIP_LIMIT_MS} or not at all; the same way back. The tenant's writers
 * pause from the raising of the source's fence to the opening of one of the two. Called again, it answers the same.
 * @returns the epoch of the new placement
 * @throws MillwrightError `placement-changed` (retryable: it is another one than the caller knows, or a flip is on its
 *   way), `flip-aborted` (retryable: too late, or somebody else ended it), and what `prove` throws. In all cases the
 *   source is still home and open, or {@link endOverdueFlips} opens it.
 */
export async function flipTenant(deps: FlipDeps, flip: Flip): Promise<bigint> {
  const { tenant, target, graceMs } = flip;
  const begun = await beginFlip(deps.service, tenant, flip.epoch, target);
  const epoch = flip.epoch + 1n;
  if (begun?.flipSource === undefined) {
    const ended = await readFlip(deps.service, tenant);
    if (ended?.epoch === epoch && ended.cell === target) {
      await endFlip(deps, tenant, epoch);
      return epoch;
    }
    throw new MillwrightError("placement-changed", `${tenant} is not at rest at epoch ${flip.epoch}.`, {
      retryable: true,
    });
  }
  const limit = AbortSignal.timeout(FLIP_LIMIT_MS);
  let failure: Error | undefined;
  try {
    const closed = await raiseFence(await deps.secretOf(begun.flipSource), tenant, epoch);
    if (closed !== undefined) {
      await flip.prove(limit);
      await decideFlip(deps.service, tenant, epoch, graceMs);
    }
  } catch (error) {
    failure = limit.aborted ? undefined : (error as Error);
  }
  // The placement is the judge, also of a decision whose answer was lost.
  const ended = await endFlip(deps, tenant, epoch);
  if (ended?.epoch === epoch && ended.cell === target) return epoch;
  throw (
    failure ??
    new MillwrightError("flip-aborted", `The flip of ${tenant} was too late; it stays where it was.`, {
      retryable: true,
    })
  );
}

/**
 * Ends the attempt `epoch`, whoever began it: aborts it where it is not decided, then tells both cells. Nothing is done
 * twice, and nothing is undone. @returns the placement before the cells were told
 */
export async function endFlip(
  { service, secretOf }: FlipDeps,
  tenant: TenantId,
  epoch: bigint,
): Promise<FlipPlacement | undefined> {
  await abortFlip(service, tenant, epoch);
  const placement = await readFlip(service, tenant);
  if (placement?.epoch !== epoch || placement.flipSource === undefined) return placement;
  const { cell, flipSource } = placement;
  await openFence(await secretOf(cell), tenant, epoch);
  if (flipSource !== cell) await shadowFence(await secretOf(flipSource), tenant, epoch);
  await settleFlip(service, tenant, epoch);
  return placement;
}

/**
 * Ends every flip that is past its deadline: whoever began it stands still or is dead. Any process may call it at any
 * time. @returns the tenants, with the error of those whose cell is away; they are tried again by the next call
 */
export async function endOverdueFlips(
  deps: FlipDeps,
): Promise<readonly { readonly tenant: TenantId; readonly error?: unknown }[]> {
  return Promise.all(
    (await overdueFlips(deps.service)).map(async (tenant) => {
      try {
        const placement = await readFlip(deps.service, tenant);
        if (placement !== undefined) await endFlip(deps, tenant, placement.epoch);
        return { tenant };
      } catch (error) {
        return { tenant, error };
      }
    }),
  );
}
