import type pg from "pg";
import type { TenantId } from "../../model/tenant.ts";
import { queueDeliveries } from "./delivery.ts";

/** Tells people of standing alerts whose suppressor has gone because its rule was changed or deleted. */
export async function releaseSuppressed(tx: pg.ClientBase, tenant: TenantId): Promise<void> {
  const { rows } = await tx.query<{ tenant: string; alert: string }>(
    `update alert a set released_at = now(), announced = true
      where tenant = $1 and suppressed_by is not null and released_at is null and returned_at is null
        and not exists (
              select from rule r join alert s on s.tenant = r.tenant and s.rule = any(r.suppressed_by)
               where r.tenant = a.tenant and r.rule = a.rule and s.machine_id = a.machine_id and s.returned_at is null)
     returning tenant, alert`,
    [tenant],
  );
  await queueDeliveries(tx, "alert.raised", rows);
}
