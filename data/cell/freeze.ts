import type pg from "pg";
import { tenantNames, type TenantId } from "../../model/tenant.ts";
import { asCellAdmin } from "./cell-admin.ts";
import type { CellSecret } from "./cell-secret.ts";
import { readEdition } from "./edition.ts";
import { schedulePolicies } from "./timescale.ts";

const AS_MOVER = { applicationName: "millwright-freeze", lockTimeoutMs: 30_000 };

/** SQL that holds for rows of tenants from whom things may be purged. @param tenant - the column */
export function isNotFrozen(tenant: string): string {
  return `not exists (select from millwright.frozen_tenant frozen where frozen.tenant = ${tenant})`;
}

/**
 * From now on nothing of the tenant is purged, dropped or compressed in this cell: a move compares two cells, which must
 * not change by themselves. Every such job asks {@link isNotFrozen}. Idempotent.
 */
export async function freezeTenant(secret: CellSecret, tenant: TenantId): Promise<void> {
  await asCellAdmin(secret, AS_MOVER, async (client) => {
    await client.query("insert into millwright.frozen_tenant (tenant) values ($1) on conflict do nothing", [
      tenant,
    ]);
    await schedule(client, tenant, false);
  });
}

/** Idempotent. */
export async function thawTenant(secret: CellSecret, tenant: TenantId): Promise<void> {
  await asCellAdmin(secret, AS_MOVER, async (client) => {
    await schedule(client, tenant, true);
    await client.query("delete from millwright.frozen_tenant where tenant = $1", [tenant]);
  });
}

async function schedule(client: pg.Client, tenant: TenantId, isScheduled: boolean): Promise<void> {
  const { rung } = await readEdition(client);
  if (rung === "timescaledb-community")
    await schedulePolicies(client, tenantNames(tenant).schema, isScheduled);
}
