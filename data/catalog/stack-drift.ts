import type pg from "pg";
import { canonicalJson } from "../../model/canonical-json.ts";
import type { StackDrift } from "../../model/drift.ts";
import type { TenantId } from "../../model/tenant.ts";
import { inTransaction, type Queryable } from "../pool.ts";
import { operationsOf } from "./operation.ts";
import { decodeCursor, pageOf, type Page, type PageRequest } from "./page.ts";
import { recordSystemEvent } from "./system-event.ts";
import { lockTenant } from "./tenant.ts";

export interface KeptDrift extends StackDrift {
  /** null: of the platform. */
  readonly tenant: TenantId | null;
}

const SELECT = `select stack, tenant, checked_at as "checkedAt", status, differences, error from stack_drift`;

/** Tenants whose stacks can be looked at; first the one that was looked at longest ago. */
export async function tenantsToCheck(service: Queryable): Promise<readonly TenantId[]> {
  const { rows } = await service.query<{ tenant: TenantId }>(
    `select t.tenant from tenant t join tenant_placement p using (tenant)
       left join stack_drift d on d.tenant = t.tenant
      where t.state = 'ready' and p.has_stack order by d.checked_at nulls first, t.tenant`,
  );
  return rows.map(({ tenant }) => tenant);
}

/**
 * A fencing token to look at a tenant's stack with: each operation that comes later has a higher one, so it takes the
 * stack from who looks at it. Undefined while an operation has the tenant, or before it is ready.
 * @throws MillwrightError `tenant-unknown`
 */
export function takeLookToken(service: pg.Pool, tenant: TenantId): Promise<bigint | undefined> {
  return inTransaction(service, async (tx) => {
    const state = await lockTenant(tx, tenant);
    if (state !== "ready" || (await operationsOf(tx, tenant)).active.length > 0) return undefined;
    const { rows } = await tx.query<{ token: bigint }>("select nextval('fencing_token') as token");
    return rows[0]?.token;
  });
}

/** Whether an operation has taken the tenant since `token`. */
export async function wasOvertaken(service: Queryable, tenant: TenantId, token: bigint): Promise<boolean> {
  const { rowCount } = await service.query(
    "select from operation where tenant = $1 and fencing_token > $2 limit 1",
    [tenant, token],
  );
  return rowCount === 1;
}

/**
 * Keeps what was found, in place of what was found before; another state of things than before is an event. A look that
 * failed says nothing of the stack: what was known of it stays.
 */
export async function keepDrift(service: pg.Pool, found: Omit<KeptDrift, "checkedAt">): Promise<KeptDrift> {
  const { stack, tenant, status, differences, error } = found;
  return inTransaction(service, async (tx) => {
    const [before] = (await tx.query<Row>(`${SELECT} where stack = $1 for update`, [stack])).rows;
    const { rows } = await tx.query<Row>(
      `insert into stack_drift as d (stack, tenant, status, differences, error) values ($1, $2, $3, $4, $5)
       on conflict (stack) do update
         set checked_at = now(), status = excluded.status, error = excluded.error,
             differences = case excluded.status when 'failed' then d.differences else excluded.differences end
       returning stack, tenant, checked_at as "checkedAt", status, differences, error`,
      [stack, tenant, status, JSON.stringify(differences), error ?? null],
    );
    const isNews = canonicalJson(differences) !== canonicalJson(before?.differences ?? []);
    if (status !== "failed" && isNews)
      await recordSystemEvent(tx, {
        kind: status === "drifted" ? "stack.drifted" : "stack.restored",
        ...(tenant === null ? {} : { tenant }),
        detail: { stack, resources: differences.slice(0, EVENT_RESOURCES).map(({ urn }) => urn) },
      });
    const [row] = rows;
    if (row === undefined) throw new Error("an insert answered no row");
    return toDrift(row);
  });
}

/** An event is a hint of some kB; the row has them all. */
const EVENT_RESOURCES = 20;

export async function driftOf(db: Queryable, tenant: TenantId): Promise<KeptDrift | undefined> {
  const { rows } = await db.query<Row>(`${SELECT} where tenant = $1`, [tenant]);
  return rows.map(toDrift)[0];
}

export async function listDrift(
  service: Queryable,
  { limit, cursor }: PageRequest,
): Promise<Page<KeptDrift>> {
  const { rows } = await service.query<Row>(
    `${SELECT} where $1::text is null or stack > $1 order by stack limit $2`,
    [...decodeCursor(cursor, 1), limit + 1],
  );
  return pageOf(rows.map(toDrift), limit, ({ stack }) => [stack]);
}

interface Row extends Omit<KeptDrift, "error"> {
  readonly error: string | null;
}

function toDrift(row: Row): KeptDrift {
  return { ...row, error: row.error ?? undefined };
}
