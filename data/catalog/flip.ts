import type pg from "pg";
import { abort, begin, decide, FLIP_LIMIT_MS, settle, type FlipPlacement } from "../../model/flip.ts";
import type { TenantId } from "../../model/tenant.ts";
import { inTransaction, type Queryable } from "../pool.ts";
import { notifyPlacementChanged } from "./placement.ts";
import { addShadow, removeShadow } from "./shadow.ts";

interface Row {
  readonly epoch: bigint;
  readonly cell: string;
  readonly state: FlipPlacement["state"];
  readonly flip_target: string | null;
  readonly flip_source: string | null;
}

const SELECT = "select epoch, cell, state, flip_target, flip_source from tenant_placement where tenant = $1";

export async function readFlip(db: Queryable, tenant: TenantId): Promise<FlipPlacement | undefined> {
  return (await db.query<Row>(SELECT, [tenant])).rows.map(placementOf)[0];
}

/** See {@link begin}. @returns the placement now; undefined when it is another one than the caller knows, or not at rest */
export function beginFlip(
  service: pg.Pool,
  tenant: TenantId,
  epoch: bigint,
  target: string,
  limitMs = FLIP_LIMIT_MS,
): Promise<FlipPlacement | undefined> {
  return change(service, tenant, (placement) => begin(placement, epoch, target), { limitMs });
}

/**
 * See {@link decide}. The shadows change with the placement: the new home is none any more, and the old one becomes one
 * for `graceMs`, the way back. @returns undefined when the attempt was aborted
 */
export function decideFlip(
  service: pg.Pool,
  tenant: TenantId,
  epoch: bigint,
  graceMs: number,
): Promise<FlipPlacement | undefined> {
  return change(service, tenant, (placement) => decide(placement, epoch), {
    alongWith: async (tx, { cell, flipSource }) => {
      await removeShadow(tx, tenant, cell);
      if (flipSource !== undefined) await addShadow(tx, { tenant, cell: flipSource, epoch, graceMs });
    },
  });
}

/** See {@link abort}. @returns undefined when the attempt has ended */
export function abortFlip(
  service: pg.Pool,
  tenant: TenantId,
  epoch: bigint,
): Promise<FlipPlacement | undefined> {
  return change(service, tenant, (placement) => abort(placement, epoch));
}

/** See {@link settle}. */
export function settleFlip(
  service: pg.Pool,
  tenant: TenantId,
  epoch: bigint,
): Promise<FlipPlacement | undefined> {
  return change(service, tenant, (placement) => settle(placement, epoch));
}

/** When the flip that is on its way should be over, settled and all; undefined when none is. */
export async function flipDeadlineOf(db: Queryable, tenant: TenantId): Promise<Date | undefined> {
  const { rows } = await db.query<{ flip_deadline: Date | null }>(
    "select flip_deadline from tenant_placement where tenant = $1",
    [tenant],
  );
  return rows[0]?.flip_deadline ?? undefined;
}

/** Tenants whose flip should have been over by now, settled and all. */
export async function overdueFlips(service: Queryable): Promise<readonly TenantId[]> {
  const { rows } = await service.query<{ tenant: TenantId }>(
    "select tenant from tenant_placement where flip_deadline < clock_timestamp() order by tenant",
  );
  return rows.map(({ tenant }) => tenant);
}

interface Along {
  readonly limitMs?: number;
  /** In the same transaction. */
  readonly alongWith?: (tx: pg.PoolClient, next: FlipPlacement) => Promise<void>;
}

/** Compare-and-set: the row is locked, the model says what becomes of it. */
async function change(
  service: pg.Pool,
  tenant: TenantId,
  transition: (placement: FlipPlacement) => FlipPlacement | undefined,
  { limitMs = FLIP_LIMIT_MS, alongWith }: Along = {},
): Promise<FlipPlacement | undefined> {
  return inTransaction(service, async (tx) => {
    const [placement] = (await tx.query<Row>(`${SELECT} for update`, [tenant])).rows.map(placementOf);
    const next = placement === undefined ? undefined : transition(placement);
    if (next === undefined) return undefined;
    await tx.query(
      `update tenant_placement set epoch = $2, cell = $3, state = $4, flip_target = $5, flip_source = $6,
              flip_deadline = case when $6::text is not null
                then coalesce(flip_deadline, clock_timestamp() + $7 * interval '1 ms') end
        where tenant = $1`,
      [tenant, next.epoch, next.cell, next.state, next.flipTarget ?? null, next.flipSource ?? null, limitMs],
    );
    await alongWith?.(tx, next);
    await notifyPlacementChanged(tx, tenant);
    return next;
  });
}

function placementOf(row: Row): FlipPlacement {
  const { epoch, cell, state, flip_target: flipTarget, flip_source: flipSource } = row;
  return { epoch, cell, state, flipTarget: flipTarget ?? undefined, flipSource: flipSource ?? undefined };
}
