import type pg from "pg";
import { appendAudit, type AuditEntry } from "../../data/catalog/audit.ts";
import { inTenant, type Catalog } from "../../data/catalog/catalog.ts";
import { getTenant } from "../../data/catalog/tenant.ts";
import type { Queryable } from "../../data/pool.ts";
import type { TenantId } from "../../model/tenant.ts";
import type { OperationRequest } from "../operations/service.ts";
import type { Caller } from "./authenticate.ts";

/** {@link inTenant} for a tenant that a platform role named: it may not exist. @throws MillwrightError `tenant-unknown` */
export function inKnownTenant<T>(
  catalog: Catalog,
  tenant: TenantId,
  work: (tx: pg.PoolClient) => Promise<T>,
): Promise<T> {
  return inTenant(catalog, tenant, async (tx) => {
    await getTenant(tx, tenant);
    return work(tx);
  });
}

/**
 * For calls that read the tenant elsewhere than in the catalog. A tenant's own credential goes with its tenant, so only
 * platform roles can name one that is not there.
 * @throws MillwrightError `tenant-unknown`
 */
export async function requireTenant(catalog: Catalog, caller: Caller, tenant: TenantId): Promise<void> {
  if (caller.tenant === undefined) await getTenant(catalog.service, tenant);
}

type AuditDetail = Readonly<Record<string, unknown>>;

/** Records what a caller did, in the transaction that does it. */
export function recordAction(
  tx: Queryable,
  { id: actor, role, address: from }: Caller,
  action: string,
  facts: Pick<AuditEntry, "tenant" | "subject"> & { readonly detail?: AuditDetail },
): Promise<void> {
  return appendAudit(tx, { actor, role, from, action, result: "succeeded", ...facts });
}

/** Who asks for an operation, how a retry is known, and why. */
export function requestOf(
  { id, role, address: from }: Caller,
  {
    idempotencyKey,
    reason,
  }: { readonly idempotencyKey?: string | undefined; readonly reason?: string | undefined },
): OperationRequest {
  return {
    actor: { id, role, from },
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
    ...(reason === undefined ? {} : { reason }),
  };
}
