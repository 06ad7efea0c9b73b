import type pg from "pg";
import { MillwrightError } from "../../model/errors.ts";
import type { TenantId } from "../../model/tenant.ts";
import type { Hold } from "../../model/trigger-gate.ts";
import type { Direction, TriggerReason } from "../../model/trigger.ts";
import type { Queryable } from "../pool.ts";
import { decodeNumberCursor, pageOf, type Page, type PageRequest } from "./page.ts";

export const DECISION_STATUSES = ["recommended", "started", "refused", "withdrawn"] as const;
export type DecisionStatus = (typeof DECISION_STATUSES)[number];

/** A decision as the API shows it; times are ISO 8601 in UTC. */
export interface Decision {
  readonly id: string;
  readonly tenant: TenantId;
  readonly direction: Direction;
  readonly status: DecisionStatus;
  readonly evidence: {
    /** The hour whose usage decided: the windows end with it. */
    readonly hour: string;
    readonly reasons: readonly TriggerReason[];
    /** Version of the triggers, 0 for the defaults. */
    readonly configVersion: number;
  };
  /** Why it has not started; empty when it has. */
  readonly holds: readonly Hold[];
  readonly decidedAt: string;
  readonly approvedAt: string | null;
  readonly approvedBy: string | null;
  readonly operation: string | null;
  readonly endedAt: string | null;
}

interface Row {
  readonly sequence: bigint;
  readonly decision: string;
  readonly tenant: TenantId;
  readonly direction: Direction;
  readonly status: DecisionStatus;
  readonly hour: Date;
  readonly evidence: { readonly reasons: readonly TriggerReason[] };
  readonly config_version: bigint;
  readonly holds: readonly Hold[];
  readonly decided_at: Date;
  readonly approved_at: Date | null;
  readonly approved_by: string | null;
  readonly operation: string | null;
  readonly ended_at: Date | null;
}

/** Lets one process judge at a time, until its transaction ends; the others need not wait. */
export async function tryLockJudgement(tx: pg.ClientBase): Promise<boolean> {
  const { rows } = await tx.query<{ is_ours: boolean }>(
    "select pg_try_advisory_xact_lock(hashtext('millwright.triggers')) as is_ours",
  );
  return rows[0]?.is_ours === true;
}

export async function getDecision(db: Queryable, decision: string): Promise<Decision | undefined> {
  const { rows } = await db.query<Row>("select * from trigger_decision where decision = $1", [decision]);
  return rows.map(decisionOf)[0];
}

/** Newest first. */
export async function listDecisions(
  db: Queryable,
  {
    tenant,
    status,
    limit,
    cursor,
  }: PageRequest & { readonly tenant?: TenantId | undefined; readonly status?: DecisionStatus | undefined },
): Promise<Page<Decision>> {
  const { rows } = await db.query<Row>(
    `select * from trigger_decision
      where ($1::text is null or tenant = $1) and ($2::text is null or status = $2)
        and ($3::bigint is null or sequence < $3) order by sequence desc limit $4`,
    [tenant ?? null, status ?? null, decodeNumberCursor(cursor), limit + 1],
  );
  const { items, nextCursor } = pageOf(rows, limit, ({ sequence }) => [String(sequence)]);
  return { items: items.map(decisionOf), nextCursor };
}

export interface NewDecision {
  readonly tenant: TenantId;
  readonly direction: Direction;
  readonly hourMs: number;
  readonly reasons: readonly TriggerReason[];
  readonly configVersion: number;
}

/** @returns its id */
export async function addDecision(tx: Queryable, decision: NewDecision): Promise<string> {
  const { tenant, direction, hourMs, reasons, configVersion } = decision;
  const { rows } = await tx.query<{ decision: string }>(
    `insert into trigger_decision (tenant, direction, hour, evidence, config_version)
     values ($1, $2, $3, $4, $5) returning decision`,
    [tenant, direction, new Date(hourMs), JSON.stringify({ reasons }), configVersion],
  );
  return rows[0]?.decision ?? "";
}

/**
 * The trigger of the tenant is at rest again.
 * @returns the decision that had not started, and now never will
 */
export async function restTrigger(tx: Queryable, tenant: TenantId): Promise<string | undefined> {
  const { rows } = await tx.query<{ decision: string; was_open: boolean }>(
    `with raised as (select decision, status from trigger_decision
                      where tenant = $1 and rested_at is null order by sequence desc limit 1 for update)
     update trigger_decision d
        set rested_at = now(), ended_at = coalesce(ended_at, now()),
            status = case raised.status when 'recommended' then 'withdrawn' else raised.status end
       from raised where d.decision = raised.decision
     returning d.decision, raised.status = 'recommended' as was_open`,
    [tenant],
  );
  return rows.find((row) => row.was_open)?.decision;
}

/** Writes down why open decisions wait, where that has changed. */
export async function holdDecisions(
  tx: Queryable,
  holds: ReadonlyMap<string, readonly Hold[]>,
): Promise<void> {
  await tx.query(
    `update trigger_decision d set holds = h.holds
       from jsonb_to_recordset($1) as h (tenant text, holds jsonb)
      where d.tenant = h.tenant and d.status = 'recommended' and d.holds <> h.holds`,
    [JSON.stringify([...holds].map(([tenant, list]) => ({ tenant, holds: list })))],
  );
}

/** @returns false when it has ended meanwhile */
export async function startDecision(tx: Queryable, decision: string, operation: string): Promise<boolean> {
  const { rowCount } = await tx.query(
    `update trigger_decision set status = 'started', operation = $2, holds = '[]', ended_at = now()
      where decision = $1 and status = 'recommended'`,
    [decision, operation],
  );
  return rowCount === 1;
}

/** @throws MillwrightError `decision-unknown`, `decision-ended` */
export async function approveDecision(tx: pg.ClientBase, decision: string, by: string): Promise<Decision> {
  await requireOpen(tx, decision);
  return changed(
    tx,
    `approved_at = coalesce(approved_at, now()), approved_by = coalesce(approved_by, $2),
     holds = jsonb_path_query_array(holds, '$[*] ? (@.gate != "approval-required")')`,
    [decision, by],
  );
}

/** @throws MillwrightError `decision-unknown`, `decision-ended` */
export async function refuseDecision(tx: pg.ClientBase, decision: string): Promise<Decision> {
  await requireOpen(tx, decision);
  return changed(tx, "status = 'refused', ended_at = now()", [decision]);
}

async function requireOpen(tx: pg.ClientBase, decision: string): Promise<void> {
  const { rows } = await tx.query<{ status: DecisionStatus }>(
    "select status from trigger_decision where decision = $1 for update",
    [decision],
  );
  const status = rows[0]?.status;
  if (status === undefined)
    throw new MillwrightError("decision-unknown", `There is no decision ${decision}.`);
  if (status !== "recommended")
    throw new MillwrightError(
      "decision-ended",
      `This decision is ${status}; only an open one can be answered.`,
    );
}

async function changed(tx: Queryable, set: string, parameters: readonly unknown[]): Promise<Decision> {
  const { rows } = await tx.query<Row>(`update trigger_decision set ${set} where decision = $1 returning *`, [
    ...parameters,
  ]);
  const [row] = rows;
  if (row === undefined) throw new Error("the row was locked");
  return decisionOf(row);
}

function decisionOf(row: Row): Decision {
  return {
    ...{ id: row.decision, tenant: row.tenant, direction: row.direction, status: row.status },
    evidence: {
      hour: row.hour.toISOString(),
      reasons: row.evidence.reasons,
      configVersion: Number(row.config_version),
    },
    holds: row.holds,
    decidedAt: row.decided_at.toISOString(),
    approvedAt: row.approved_at?.toISOString() ?? null,
    approvedBy: row.approved_by,
    operation: row.operation,
    endedAt: row.ended_at?.toISOString() ?? null,
  };
}
