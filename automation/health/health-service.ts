import type { TenantId } from "../../model/tenant.ts";
import { tenantHealth, type HealthDeps, type TenantHealth } from "./tenant-health.ts";

/** A page that asks all the time must not cost the database a connection, and its server a look at the disk, each time. */
const KEPT_MS = 10_000;

/** {@link tenantHealth}; those who ask at about the same time get the same answer. */
export function healthService(deps: HealthDeps): (tenant: TenantId) => Promise<TenantHealth> {
  const looks = new Map<TenantId, Promise<TenantHealth>>();
  return (tenant) => {
    const known = looks.get(tenant);
    if (known !== undefined) return known;
    const look = tenantHealth(deps, tenant);
    looks.set(tenant, look);
    const forgetSoon = () => void setTimeout(() => looks.delete(tenant), KEPT_MS).unref();
    look.then(forgetSoon, forgetSoon);
    return look;
  };
}
