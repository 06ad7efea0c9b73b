import type pg from "pg";
import type { TenantId } from "../../model/tenant.ts";

/** The channel on which pages hear of new notices; the payload is the tenant. */
export const IN_APP = "in_app";

/** Kept of a tenant for those who come back: a night of a noisy plant. Older ones are among the alerts. */
const KEPT_NOTICES = 1_000;
const PAGE_SIZE = 100;

export interface InAppNotice {
  readonly id: number;
  readonly kind: string;
  readonly at: string;
  readonly payload: object;
}

/** Puts a notice before all who follow the tenant's stream. Idempotent: a delivery is one notice, however often tried. */
export async function addNotice(
  pool: pg.Pool,
  tenant: string,
  {
    delivery,
    event,
    payload,
  }: { readonly delivery: string; readonly event: string; readonly payload: object },
): Promise<void> {
  await pool.query(
    `with counted as (
       insert into in_app_counter as c (tenant, last_notice)
       select $1, 1 where not exists (select from in_app_notice where tenant = $1 and delivery = $2)
       on conflict (tenant) do update set last_notice = c.last_notice + 1
       returning last_notice),
     added as (
       insert into in_app_notice (tenant, notice, delivery, event, payload)
       select $1, last_notice, $2, $3, $4 from counted on conflict do nothing),
     forgotten as (
       delete from in_app_notice n using counted where n.tenant = $1 and n.notice <= last_notice - ${KEPT_NOTICES})
     select pg_notify('${IN_APP}', $1) from counted`,
    [tenant, delivery, event, payload],
  );
}

/** The number of the newest notice; 0 before the first. */
export async function lastNotice(tx: pg.ClientBase, tenant: TenantId): Promise<number> {
  const { rows } = await tx.query<{ last_notice: bigint }>(
    "select last_notice from in_app_counter where tenant = $1",
    [tenant],
  );
  return Number(rows[0]?.last_notice ?? 0n);
}

/** The next page behind `afterId`, oldest first. */
export async function noticesAfter(
  tx: pg.ClientBase,
  tenant: TenantId,
  afterId: number,
): Promise<{ readonly notices: readonly InAppNotice[]; readonly hasMore: boolean }> {
  const { rows } = await tx.query<{ notice: bigint; event: string; at: Date; payload: object }>(
    "select notice, event, at, payload from in_app_notice where tenant = $1 and notice > $2 order by notice limit $3",
    [tenant, afterId, PAGE_SIZE],
  );
  const notices = rows.map(({ notice, event: kind, at, payload }) => ({
    ...{ id: Number(notice), kind, payload },
    at: at.toISOString(),
  }));
  return { notices, hasMore: rows.length === PAGE_SIZE };
}
