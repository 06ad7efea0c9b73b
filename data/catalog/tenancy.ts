import { tenancyKey, type Tenancy } from "../../model/cost/bill.ts";
import { MillwrightError } from "../../model/errors.ts";
import type { TenantId } from "../../model/tenant.ts";
import type { Queryable } from "../pool.ts";

/** USD a month by the key of the tenancy, of the tenants that have one. */
export async function budgetsOf(service: Queryable): Promise<ReadonlyMap<string, number>> {
  const { rows } = await service.query<{ tenant: string; since: Date; usd: number }>(
    `select tenant, created_at::timestamptz(3) as since, budget_usd_per_month::float8 as usd from tenant
      where budget_usd_per_month is not null`,
  );
  return new Map(
    rows.map(({ tenant, since, usd }) => [tenancyKey({ tenant, since: since.toISOString() }), usd]),
  );
}

/** Who has an id now, and the budget, USD a month. @throws MillwrightError `tenant-unknown` */
export async function tenancyOf(
  db: Queryable,
  tenant: TenantId,
): Promise<Tenancy & { readonly budgetUsd: number | null }> {
  const { rows } = await db.query<{ since: Date; budgetUsd: number | null }>(
    `select created_at::timestamptz(3) as since, budget_usd_per_month::float8 as "budgetUsd" from tenant
      where tenant = $1`,
    [tenant],
  );
  const [row] = rows;
  if (row === undefined) throw new MillwrightError("tenant-unknown", `There is no tenant ${tenant}.`);
  return { tenant, since: row.since.toISOString(), budgetUsd: row.budgetUsd };
}
