import type pg from "pg";
import { inTenant, type Catalog } from "../../data/catalog/catalog.ts";
import { collectDigests } from "../../data/catalog/delivery-digest.ts";
import { listDeliveries, queueDeliveries, type Delivery } from "../../data/catalog/delivery.ts";
import { inTransaction } from "../../data/pool.ts";
import type { TenantId } from "../../model/tenant.ts";

export interface AlertRow {
  readonly alert: string;
  readonly machineId?: string;
  readonly severity?: string;
}

/** Alerts as the engine raises them, in one transaction with what is to be sent of them. */
export async function raise(pool: pg.Pool, tenant: TenantId, rows: readonly AlertRow[]): Promise<void> {
  await inTransaction(pool, async (tx) => {
    await tx.query(
      `insert into alert (tenant, alert, rule, rule_name, type, metric, severity, machine_id, value, log_ref, ordinal,
                          raised_at, appended_at, evaluated_at)
       select $1, alert, 'hot', 'Too hot', 'machine', 'temperature_c', severity, machine, '90'::jsonb, 0, 0, now(), now(), now()
         from unnest($2::text[], $3::text[], $4::text[]) n(alert, severity, machine)`,
      [
        tenant,
        rows.map(({ alert }) => alert),
        rows.map(({ severity }) => severity ?? "critical"),
        rows.map(({ machineId, alert }) => machineId ?? alert),
      ],
    );
    const keys = rows.map(({ alert }) => ({ tenant, alert }));
    await queueDeliveries(tx, "alert.raised", keys);
  });
}

/** What a tenant's channels were sent, or one of them, newest first. */
export async function deliveriesOf(
  catalog: Catalog,
  tenant: TenantId,
  channel?: { readonly id: string },
): Promise<readonly Delivery[]> {
  const request = { limit: 1_000, ...(channel && { channelId: channel.id }) };
  return (await inTenant(catalog, tenant, (tx) => listDeliveries(tx, tenant, request))).items;
}

/** Lets time pass for what waits: escalations, hours and pauses fall due. @returns how many are to do */
export async function ageDeliveries(pool: pg.Pool, tenant: TenantId): Promise<number> {
  const { rowCount } = await pool.query(
    "update delivery set due_at = least(due_at, now()) where tenant = $1 and outcome is null",
    [tenant],
  );
  return rowCount ?? 0;
}

/** Lets a minute pass, for a tenant whom no dispatcher serves meanwhile, and collects what it left. */
export async function endMinute(pool: pg.Pool, tenant: TenantId): Promise<void> {
  await pool.query(
    `update delivery set first_tried_at = case when tries > 0 then date_trunc('minute', now()) - interval '1 s' end,
                         due_at = least(due_at, date_trunc('minute', now()) - interval '1 s')
      where tenant = $1`,
    [tenant],
  );
  await collectDigests(pool);
}
