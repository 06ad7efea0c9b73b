import { randomUUID } from "node:crypto";
import type pg from "pg";
import { MillwrightError } from "../../model/errors.ts";
import type { ReadingType } from "../../model/reading.ts";
import type { Condition } from "../../model/condition.ts";
import { DEFAULT_RULES } from "../../model/default-rules.ts";
import {
  evaluatesLike,
  expressionOf,
  MAX_RULES_PER_TENANT,
  suppressionCircle,
  type Rule,
  type RuleBody,
  type RuleInForce,
  type Severity,
} from "../../model/rule.ts";
import type { TenantId } from "../../model/tenant.ts";
import { endIncidents } from "./incident.ts";
import { decodeCursor, pageOf, type Page, type PageRequest } from "./page.ts";
import { nextRevision } from "./rule-revision.ts";
import { releaseSuppressed } from "./suppression.ts";

interface RuleRow {
  readonly tenant: string;
  readonly rule: string;
  readonly version: bigint;
  readonly valid_from: Date;
  readonly name: string;
  readonly type: ReadingType;
  readonly metric: string | null;
  readonly condition: Condition;
  readonly severity: Severity;
  readonly machines: string[] | null;
  readonly suppressed_by: string[];
  readonly out_of_service_at: Date | null;
  readonly out_of_service_by: string | null;
  readonly out_of_service_reason: string | null;
  readonly created_at: Date;
  readonly updated_at: Date;
}

/** @throws MillwrightError `rule-exists`, `limit-reached`, `request-invalid` */
export async function createRule(tx: pg.ClientBase, tenant: TenantId, body: RuleBody): Promise<Rule> {
  const id = body.id ?? `rule-${randomUUID().slice(0, 8)}`;
  const version = await nextRevision(tx, tenant);
  await expectRoom(tx, tenant);
  const row = await insertRule(tx, tenant, id, version, body);
  if (row === undefined) throw new MillwrightError("rule-exists", `There is a rule '${id}' already.`);
  await checkSuppressors(tx, tenant, id);
  return toRule(row);
}

/** Gives a new tenant the rules that it can change or delete; one of the same id that it has made already stays. */
export async function makeDefaultRules(tx: pg.ClientBase, tenant: TenantId): Promise<void> {
  const version = await nextRevision(tx, tenant);
  for (const { id, ...body } of DEFAULT_RULES) await insertRule(tx, tenant, id, version, body);
}

/** @returns undefined when there is one with this id */
async function insertRule(
  tx: pg.ClientBase,
  tenant: TenantId,
  id: string,
  version: bigint,
  body: RuleBody,
): Promise<RuleRow | undefined> {
  const { rows } = await tx.query<RuleRow>(
    `insert into rule (tenant, rule, version, valid_from, name, type, metric, condition, severity, machines,
                       suppressed_by)
     values ($1, $2, $3, clock_timestamp(), $4, $5, $6, $7, $8, $9, $10) on conflict do nothing returning *`,
    [tenant, id, version, ...columnsOf(body)],
  );
  if (rows[0] !== undefined) await watchKnownMachines(tx, rows[0]);
  return rows[0];
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
        set version = case when $11 then version else $3 end,
            valid_from = case when $11 then valid_from else clock_timestamp() end,
            name = $4, type = $5, metric = $6, condition = $7, severity = $8, machines = $9, suppressed_by = $10,
            updated_at = now()
      where tenant = $1 and rule = $2 returning *`,
    [tenant, id, version, ...columnsOf(body), isSame],
  );
  const after = known(rows[0], id);
  await checkSuppressors(tx, tenant, id);
  if (!isSame) await watchKnownMachines(tx, after);
  await releaseSuppressed(tx, tenant);
  return toRule(after);
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
  await tx.query(
    `update rule set suppressed_by = array_remove(suppressed_by, $2) where tenant = $1 and $2 = any(suppressed_by)`,
    [tenant, id],
  );
  await releaseSuppressed(tx, tenant);
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

/** The revision is held, so the count is the truth. */
async function expectRoom(tx: pg.ClientBase, tenant: TenantId): Promise<void> {
  const { rows } = await tx.query<{ count: bigint }>("select count(*) from rule where tenant = $1", [tenant]);
  if ((rows[0]?.count ?? 0n) < BigInt(MAX_RULES_PER_TENANT)) return;
  throw new MillwrightError(
    "limit-reached",
    `A tenant has ${MAX_RULES_PER_TENANT} rules at most; delete one that is not needed any more.`,
  );
}

/** @throws MillwrightError `request-invalid` when a suppressor is not there, or is suppressed by this rule itself */
async function checkSuppressors(tx: pg.ClientBase, tenant: TenantId, id: string): Promise<void> {
  const { rows } = await tx.query<{ rule: string; suppressed_by: string[] }>(
    "select rule, suppressed_by from rule where tenant = $1",
    [tenant],
  );
  const suppressors = new Map(rows.map((row) => [row.rule, row.suppressed_by]));
  const missing = suppressors.get(id)?.find((suppressor) => !suppressors.has(suppressor));
  const message =
    missing !== undefined
      ? `there is no rule '${missing}'`
      : suppressionCircle(suppressors) !== undefined
        ? "these rules would suppress each other, and nobody would hear of any"
        : undefined;
  if (message === undefined) return;
  throw new MillwrightError("request-invalid", "The rule cannot be suppressed by these rules.", {
    fields: [{ pointer: "/suppressedBy", message }],
  });
}

/**
 * A rule on missing data watches the machines that the engine has seen, from now on: one that is silent already is found
 * as well. A machine that never reported is not known, so it is not silent.
 */
async function watchKnownMachines(tx: pg.ClientBase, row: RuleRow): Promise<void> {
  if (row.condition.kind !== "no-data") return;
  const fromMs = row.valid_from.getTime();
  await tx.query(
    `insert into rule_state (tenant, rule, machine_id, version, topic, partition, state, deadline_ms)
     select tenant, $2, machine_id, $3, topic, partition, $4, $5 from machine_clock
      where tenant = $1 and type = $6 and topic is not null and ($7::text[] is null or machine_id = any($7))`,
    [
      ...[row.tenant, row.rule, row.version, { phase: "watched", fromMs }],
      ...[fromMs + row.condition.onDelayMs, row.type, row.machines],
    ],
  );
}

async function endAlerts(tx: pg.ClientBase, tenant: TenantId, id: string): Promise<void> {
  const key = [tenant, id];
  await tx.query("delete from rule_state where tenant = $1 and rule = $2", key);
  const { rows } = await tx.query<{ tenant: string; incident: string | null }>(
    `update alert set returned_at = now() where tenant = $1 and rule = $2 and returned_at is null
     returning tenant, incident`,
    key,
  );
  await endIncidents(tx, rows);
}

function columnsOf(body: RuleBody): unknown[] {
  const { name, type, metric, condition, severity, machines, suppressedBy } = body;
  return [name, type, metric ?? null, condition, severity, machines ?? null, [...new Set(suppressedBy)]];
}

function toRule(row: RuleRow): Rule {
  const { rule: id, name, type, metric, condition, severity, machines, suppressed_by: suppressedBy } = row;
  return {
    ...{ id, name, type, condition, severity },
    ...(metric === null ? {} : { metric }),
    ...(machines === null ? {} : { machines }),
    ...(suppressedBy.length === 0 ? {} : { suppressedBy }),
    outOfService:
      row.out_of_service_at === null
        ? null
        : {
            since: row.out_of_service_at.toISOString(),
            by: row.out_of_service_by ?? "",
            reason: row.out_of_service_reason ?? "",
          },
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  };
}

function toRuleInForce(row: RuleRow): RuleInForce {
  const { rule: id, version, name, type, condition, severity, machines, suppressed_by: suppressedBy } = row;
  return {
    ...{ id, version, name, type, condition, severity, suppressedBy },
    validFromMs: row.valid_from.getTime(),
    metric: row.metric ?? undefined,
    expression: expressionOf(type, { condition }),
    machines: machines === null ? undefined : new Set(machines),
    isOutOfService: row.out_of_service_at !== null,
  };
}

function known(row: RuleRow | undefined, id: string): RuleRow {
  if (row === undefined) throw new MillwrightError("rule-unknown", `There is no rule '${id}'.`);
  return row;
}
