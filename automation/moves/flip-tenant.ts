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
import { asFlipper, openFence, raiseFence, shadowFence } from "../../data/cell/flip-fence.ts";
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
   * and that is proven; may give up when `signal` aborts, for then nobody waits for it.
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
  const { tenant, target } = flip;
  const epoch = flip.epoch + 1n;
  const before = await readFlip(deps.service, tenant);
  if (before?.state === "stable" && before.cell === target && before.epoch === epoch) {
    await endFlip(deps, tenant, epoch);
    return epoch;
  }
  if (before?.epoch !== flip.epoch || before.cell === target) throw changed(flip);
  const [secret, targetSecret] = [await deps.secretOf(before.cell), await deps.secretOf(target)];
  // Connected before it begins: the writers' pause has no room for it.
  const failure = await asFlipper(secret, (client) =>
    asFlipper(targetSecret, async (here) => {
      // Another's attempt at this epoch is not ours to end.
      if ((await beginFlip(deps.service, tenant, flip.epoch, target)) === undefined) throw changed(flip);
      return attempt(deps.service, flip, epoch, { secret, client }, here).catch(
        (error: unknown) => error as Error,
      );
    }),
  );
  // The placement is the judge, also of a decision whose answer was lost.
  const ended = await endFlip(deps, tenant, epoch);
  if (ended?.epoch === epoch && ended.cell === target) return epoch;
  throw failure ?? aborted(tenant);
}

async function attempt(
  service: pg.Pool,
  { tenant, graceMs, prove }: Flip,
  epoch: bigint,
  source: { readonly secret: CellSecret; readonly client: pg.Client },
  target: pg.Client,
): Promise<undefined> {
  const limit = AbortSignal.timeout(FLIP_LIMIT_MS);
  try {
    const closed = await raiseFence(source.client, source.secret, tenant, epoch);
    if (closed === undefined) throw aborted(tenant);
    // A proof that hangs on a database must not keep the writers waiting with it.
    await Promise.race([prove(limit), abortOf(limit)]);
    if ((await decideFlip(service, tenant, epoch, graceMs)) === undefined) throw aborted(tenant);
  } catch (error) {
    throw limit.aborted ? aborted(tenant, error) : error;
  }
  await openFence(target, tenant, epoch);
  await shadowFence(source.client, tenant, epoch);
  await settleFlip(service, tenant, epoch);
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
  await asFlipper(await secretOf(cell), (client) => openFence(client, tenant, epoch));
  if (flipSource !== cell)
    await asFlipper(await secretOf(flipSource), (client) => shadowFence(client, tenant, epoch));
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

/** Rejects when the signal aborts. */
function abortOf(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  promise.catch(() => undefined); // after the race nobody listens
  return promise;
}

function aborted(tenant: TenantId, cause?: unknown): MillwrightError {
  const message = `The flip of ${tenant} was too late; it stays where it was.`;
  return new MillwrightError("flip-aborted", message, { retryable: true, cause });
}

function changed({ tenant, epoch }: Flip): MillwrightError {
  const message = `${tenant} is not at rest at epoch ${epoch}.`;
  return new MillwrightError("placement-changed", message, { retryable: true });
}
