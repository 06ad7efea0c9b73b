import type pg from "pg";
import type { TenantId } from "../../model/tenant.ts";

/** Revisions of the tenants that have had rules. */
export async function ruleRevisions(
  tx: pg.ClientBase,
  tenants: readonly string[],
): Promise<Map<string, bigint>> {
  const { rows } = await tx.query<{ tenant: string; revision: bigint }>({
    name: "rule-revisions",
    text: "select tenant, revision from rule_revision where tenant = any($1)",
    values: [tenants],
  });
  return new Map(rows.map(({ tenant, revision }) => [tenant, revision]));
}

/**
 * Keeps the rules of `tenants` as they are until the transaction ends, and answers their revisions. Only batches that
 * raise alerts take this lock: a rule that is replaced meanwhile would otherwise leave an alert that nobody ends, and
 * two of them at once would each see half a flood.
 */
export async function holdRules(tx: pg.ClientBase, tenants: readonly string[]): Promise<Map<string, bigint>> {
  const { rows } = await tx.query<{ tenant: string; revision: bigint }>({
    name: "rule-hold",
    text: "select tenant, revision from rule_revision where tenant = any($1) order by tenant for update",
    values: [tenants],
  });
  return new Map(rows.map(({ tenant, revision }) => [tenant, revision]));
}

/** Serializes the changes of a tenant's rules: the row stays locked until the transaction ends. */
export async function nextRevision(tx: pg.ClientBase, tenant: TenantId): Promise<bigint> {
  const { rows } = await tx.query<{ revision: bigint }>(
    `insert into rule_revision as r values ($1, 1)
     on conflict (tenant) do update set revision = r.revision + 1 returning revision`,
    [tenant],
  );
  return rows[0]?.revision ?? 0n;
}
