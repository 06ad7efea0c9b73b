import { randomUUID } from "node:crypto";
import type pg from "pg";
import { MillwrightError } from "../../model/errors.ts";
import type { ReadingType } from "../../model/reading.ts";
import {
  evaluatesLike,
  type Condition,
  type Rule,
  type RuleBody,
  type RuleInForce,
  type Severity,
} from "../../model/rule.ts";
import type { TenantId } from "../../model/tenant.ts";
import { decodeCursor, pageOf, type Page, type PageRequest } from "./page.ts";

interface RuleRow {
  readonly tenant: string;
  readonly rule: string;
  readonly version: bigint;
  readonly valid_from: Date;
  readonly name: string;
  readonly type: ReadingType;
  readonly metric: string;
  readonly condition: Condition;
  readonly severity: Severity;
  readonly machines: string[] | null;
  readonly created_at: Date;
  readonly updated_at: Date;
}

/** @throws MillwrightError `rule-exists` */
export async function createRule(tx: pg.ClientBase, tenant: TenantId, body: RuleBody): Promise<Rule> {
  const id = body.id ?? `rule-${randomUUID().slice(0, 8)}`;
  const version = await nextRevision(tx, tenant);
  const { rows } = await tx.query<RuleRow>(
    `insert into rule (tenant, rule, version, valid_from, name, type, metric, condition, severity, machines)
     values ($1, $2, $3, clock_timestamp(), $4, $5, $6, $7, $8, $9) on conflict do nothing returning *`,
    [tenant, id, version, ...columnsOf(body)],
  );
  if (rows[0] === undefined) throw new MillwrightError("rule-exists", `There is a rule '${id}' already.`);
  return toRule(rows[0]);
}

/**
 * Replaces a rule. One that evaluates otherwise starts from normal again and ends its alerts; a new name or severity
 * leaves them alone.
 * @throws MillwrightError `rule-unknown`, `request-invalid`
 */
export async function putRule(
  tx: pg.ClientBase,
  tenant: TenantId,
  id: string,
  body: RuleBody,
): Promise<Rule> {
  if (body.id !== undefined && body.id !== id) {
    throw new MillwrightError("request-invalid", "The body names another rule than the address.", {
      fields: [{ pointer: "/id", message: `must be '${id}' or left out` }],
    });
  }
  const version = await nextRevision(tx, tenant);
  const before = await getRule(tx, tenant, id);
  const isSame = evaluatesLike(before, body);
  if (!isSame) await endAlerts(tx, tenant, id);
  const { rows } = await tx.query<RuleRow>(
    `update rule
        set version = case when $10 then version else $3 end,
            valid_from = case when $10 then valid_from else clock_timestamp() end,
            name = $4, type = $5, metric = $6, condition = $7, severity = $8, machines = $9, updated_at = now()
      where tenant = $1 and rule = $2 returning *`,
    [tenant, id, version, ...columnsOf(body), isSame],
  );
  return toRule(known(rows[0], id));
}

/** @throws MillwrightError `rule-unknown` */
export async function getRule(tx: pg.ClientBase, tenant: TenantId, id: string): Promise<Rule> {
  const { rows } = await tx.query<RuleRow>("select * from rule where tenant = $1 and rule = $2", [
    tenant,
    id,
  ]);
  return toRule(known(rows[0], id));
}

export async function listRules(
  tx: pg.ClientBase,
  tenant: TenantId,
  request: PageRequest,
): Promise<Page<Rule>> {
  const { rows } = await tx.query<RuleRow>(
    "select * from rule where tenant = $1 and ($2::text is null or rule > $2) order by rule limit $3",
    [tenant, ...decodeCursor(request.cursor, 1), request.limit + 1],
  );
  return pageOf(rows.map(toRule), request.limit, ({ id }) => [id]);
}

/** Ends the rule's alerts; they stay readable. @throws MillwrightError `rule-unknown` */
export async function deleteRule(tx: pg.ClientBase, tenant: TenantId, id: string): Promise<void> {
  await nextRevision(tx, tenant);
  await getRule(tx, tenant, id);
  await endAlerts(tx, tenant, id);
  await tx.query("delete from rule where tenant = $1 and rule = $2", [tenant, id]);
}

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
 * raise alerts take this lock: a rule that is replaced meanwhile would otherwise leave an alert that nobody ends.
 */
export async function holdRules(tx: pg.ClientBase, tenants: readonly string[]): Promise<Map<string, bigint>> {
  const { rows } = await tx.query<{ tenant: string; revision: bigint }>(
    "select tenant, revision from rule_revision where tenant = any($1) order by tenant for share",
    [tenants],
  );
  return new Map(rows.map(({ tenant, revision }) => [tenant, revision]));
}

export async function rulesInForce(
  tx: pg.ClientBase,
  tenants: readonly string[],
): Promise<Map<string, RuleInForce[]>> {
  const { rows } = await tx.query<RuleRow>(
    "select * from rule where tenant = any($1) order by tenant, rule",
    [tenants],
  );
  return Map.groupBy(rows, ({ tenant }) => tenant)
    .entries()
    .reduce(
      (rules, [tenant, own]) => rules.set(tenant, own.map(toRuleInForce)),
      new Map<string, RuleInForce[]>(),
    );
}

/** Serializes the changes of a tenant's rules: the row stays locked until the transaction ends. */
async function nextRevision(tx: pg.ClientBase, tenant: TenantId): Promise<bigint> {
  const { rows } = await tx.query<{ revision: bigint }>(
    `insert into rule_revision as r values ($1, 1)
     on conflict (tenant) do update set revision = r.revision + 1 returning revision`,
    [tenant],
  );
  return rows[0]?.revision ?? 0n;
}

async function endAlerts(tx: pg.ClientBase, tenant: TenantId, id: string): Promise<void> {
  const key = [tenant, id];
  await tx.query("delete from rule_state where tenant = $1 and rule = $2", key);
  await tx.query(
    "update alert set returned_at = now() where tenant = $1 and rule = $2 and returned_at is null",
    key,
  );
}

function columnsOf({ name, type, metric, condition, severity, machines }: RuleBody): unknown[] {
  return [name, type, metric, condition, severity, machines ?? null];
}

function toRule(row: RuleRow): Rule {
  const { rule: id, name, type, metric, condition, severity, machines } = row;
  return {
    ...{ id, name, type, metric, condition, severity },
    ...(machines === null ? {} : { machines }),
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  };
}

function toRuleInForce(row: RuleRow): RuleInForce {
  const { rule: id, version, name, type, metric, condition, severity, machines } = row;
  const validFromMs = row.valid_from.getTime();
  return {
    ...{ id, version, validFromMs, name, type, metric, condition, severity },
    machines: machines === null ? undefined : new Set(machines),
  };
}

function known(row: RuleRow | undefined, id: string): RuleRow {
  if (row === undefined) throw new MillwrightError("rule-unknown", `There is no rule '${id}'.`);
  return row;
}
