import type { TenantId } from "../../model/tenant.ts";
import type { Queryable } from "../pool.ts";

/** Which of the tenants have the alarm. */
export async function alarmedTenants(
  db: Queryable,
  tenants: readonly TenantId[],
): Promise<ReadonlySet<TenantId>> {
  const { rows } = await db.query<{ tenant: TenantId }>(
    "select tenant from dead_letter_alarm where tenant = any($1)",
    [tenants],
  );
  return new Set(rows.map(({ tenant }) => tenant));
}

/** @returns whether this call raised it; false too for a tenant that is gone */
export async function raiseLetterAlarm(db: Queryable, tenant: TenantId): Promise<boolean> {
  const { rowCount } = await db.query(
    `insert into dead_letter_alarm (tenant) select tenant from tenant where tenant = $1
     on conflict do nothing`,
    [tenant],
  );
  return rowCount === 1;
}

/** @returns whether this call cleared it */
export async function clearLetterAlarm(db: Queryable, tenant: TenantId): Promise<boolean> {
  const { rowCount } = await db.query("delete from dead_letter_alarm where tenant = $1", [tenant]);
  return rowCount === 1;
}
