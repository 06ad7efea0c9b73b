import type pg from "pg";
import { MillwrightError } from "../../model/errors.ts";
import type { OperationKind, OperationStatus, Problem, StepName, StepStatus } from "../../model/operation.ts";
import type { TenantId } from "../../model/tenant.ts";
import { inTransaction, type Queryable } from "../pool.ts";
import type { Ownership } from "./operation.ts";

/**
 * What only the owner of an operation writes. Every statement names the owner's fencing token: a process that was
 * stopped while another took over changes nothing more when it wakes up.
 */

/** An operation in the hands of its owner. */
export interface OwnedOperation extends Ownership {
  readonly kind: OperationKind;
  readonly tenant: TenantId;
  readonly attempt: number;
  readonly requestedBy: string;
  readonly input: Readonly<Record<string, unknown>>;
}

/** Makes `executor` the owner, whoever was it before; undefined for an operation that is finished. */
export async function takeOwnership(
  db: Queryable,
  operation: string,
  executor: string,
): Promise<OwnedOperation | undefined> {
  const { rows } = await db.query<OwnedOperation>(
    `with taken as (
       update operation set fencing_token = nextval('fencing_token'), executor = $2, status = 'running',
              started_at = coalesce(started_at, now()), last_event = last_event + 1
        where operation = $1 and status in ('queued', 'running') returning *),
     told as (
       insert into operation_event (operation, event, tenant, kind, payload)
       select operation, last_event, tenant, 'status', '{"status": "running"}' from taken)
     select operation, kind, tenant, attempt, requested_by as "requestedBy", input,
            fencing_token as "fencingToken", pg_notify('operation', operation::text) from taken`,
    [operation, executor],
  );
  return rows[0];
}

/** One transaction of the owner; a take-over waits for its end. @throws MillwrightError `operation-fenced` */
export function inOwnership<T>(
  pool: pg.Pool,
  { operation, fencingToken }: Ownership,
  work: (tx: pg.PoolClient) => Promise<T>,
): Promise<T> {
  return inTransaction(pool, async (tx) => {
    const { rowCount } = await tx.query(
      "select from operation where operation = $1 and fencing_token = $2 for update",
      [operation, fencingToken],
    );
    if (rowCount !== 1) throw fenced();
    return work(tx);
  });
}

/** @throws MillwrightError `operation-fenced`; asked before an effect whose receiver knows no tokens */
export async function checkOwnership(db: Queryable, { operation, fencingToken }: Ownership): Promise<void> {
  const { rowCount } = await db.query("select from operation where operation = $1 and fencing_token = $2", [
    operation,
    fencingToken,
  ]);
  if (rowCount !== 1) throw fenced();
}

/**
 * How a step treats a request to cancel. `heard`: before it begins and while it runs. `last-chance`: before it begins,
 * and from then on the operation goes to its end. `ignored`: the way back is already closed.
 */
export type CancelRule = "heard" | "last-chance" | "ignored";

/** Marks the step as running; false when the operation was asked to stop and the step hears it. */
export async function beginStep(
  db: Queryable,
  { operation, fencingToken }: Ownership,
  step: { readonly name: StepName; readonly ordinal: number; readonly cancel: CancelRule },
): Promise<boolean> {
  const { rowCount } = await db.query(
    `with owned as (
       update operation set is_cancellable = ($5 = 'heard'), last_event = last_event + 1
        where operation = $1 and fencing_token = $2 and ($5 = 'ignored' or cancel_requested_at is null)
       returning operation, tenant, last_event),
     begun as (
       insert into operation_step as s (operation, ordinal, tenant, name, status, attempts, started_at)
       select operation, $3, tenant, $4, 'running', 1, now() from owned
       on conflict (operation, name) do update
          set status = 'running', attempts = s.attempts + 1, started_at = now(), finished_at = null),
     told as (
       insert into operation_event (operation, event, tenant, kind, payload)
       select operation, last_event, tenant, 'step', jsonb_build_object('name', $4::text, 'status', 'running')
         from owned)
     select pg_notify('operation', operation::text) from owned`,
    [operation, fencingToken, step.ordinal, step.name, step.cancel],
  );
  if (rowCount === 1) return true;
  await checkOwnership(db, { operation, fencingToken });
  return false;
}

/** @throws MillwrightError `operation-fenced` */
export async function endStep(
  db: Queryable,
  { operation, fencingToken }: Ownership,
  end: { readonly name: StepName; readonly status: StepStatus; readonly detail?: object | undefined },
): Promise<void> {
  const { rowCount } = await db.query(
    `with owned as (
       update operation set last_event = last_event + 1 where operation = $1 and fencing_token = $2
       returning operation, tenant, last_event),
     ended as (
       update operation_step s set status = $4, finished_at = now(), detail = coalesce($5, detail)
         from owned where s.operation = owned.operation and s.name = $3),
     told as (
       insert into operation_event (operation, event, tenant, kind, payload)
       select operation, last_event, tenant, 'step', jsonb_build_object('name', $3::text, 'status', $4::text)
         from owned)
     select pg_notify('operation', operation::text) from owned`,
    [
      operation,
      fencingToken,
      end.name,
      end.status,
      end.detail === undefined ? null : JSON.stringify(end.detail),
    ],
  );
  if (rowCount !== 1) throw fenced();
}

/** Shows how far a running step is; silently nothing for a former owner. */
export async function reportStep(
  db: Queryable,
  { operation, fencingToken }: Ownership,
  { name, detail }: { readonly name: StepName; readonly detail: object },
): Promise<void> {
  await db.query(
    `update operation_step s set detail = $4 from operation o
      where o.operation = $1 and o.fencing_token = $2 and s.operation = o.operation and s.name = $3 and s.status = 'running'`,
    [operation, fencingToken, name, JSON.stringify(detail)],
  );
}

/** Appends progress events in their order; silently nothing for a former owner. */
export async function appendProgress(
  db: Queryable,
  { operation, fencingToken }: Ownership,
  payloads: readonly object[],
): Promise<void> {
  await db.query(
    `with owned as (
       update operation set last_event = last_event + $3 where operation = $1 and fencing_token = $2
       returning operation, tenant, last_event - $3 as base),
     told as (
       insert into operation_event (operation, event, tenant, kind, payload)
       select operation, base + ordinality, tenant, 'progress', payload
         from owned, jsonb_array_elements($4) with ordinality as p (payload, ordinality))
     select pg_notify('operation', operation::text) from owned`,
    [operation, fencingToken, payloads.length, JSON.stringify(payloads)],
  );
}

export interface OperationEnd {
  readonly status: Extract<OperationStatus, "succeeded" | "failed" | "cancelled">;
  readonly error?: Problem;
}

/** In the transaction of {@link inOwnership}. A result is set by the step that has it. */
export async function finishOperation(tx: Queryable, operation: string, end: OperationEnd): Promise<void> {
  await tx.query(
    `with ended as (
       update operation set status = $2, error = $3, finished_at = now(), last_event = last_event + 1
        where operation = $1 and status = 'running' returning operation, tenant, last_event),
     told as (
       insert into operation_event (operation, event, tenant, kind, payload)
       select operation, last_event, tenant, 'status',
              jsonb_strip_nulls(jsonb_build_object('status', $2::text, 'error', $3::jsonb)) from ended)
     select pg_notify('operation', operation::text) from ended`,
    [operation, end.status, end.error === undefined ? null : JSON.stringify(end.error)],
  );
}

export async function setResult(tx: Queryable, operation: string, result: object): Promise<void> {
  await tx.query("update operation set result = $2 where operation = $1", [
    operation,
    JSON.stringify(result),
  ]);
}

/**
 * Claims the clean-up of a cancelled create for the operation itself. False when a delete of the tenant waits: it will
 * do the same. @param tx - with the tenant's row locked, so that no delete is accepted in between
 */
export async function claimCleanUp(
  tx: Queryable,
  { operation }: Ownership,
  tenant: TenantId,
): Promise<boolean> {
  const { rowCount } = await tx.query(
    `update operation set is_cancellable = false where operation = $1
        and not exists (select from operation d where d.tenant = $2 and d.kind = 'delete' and d.status = 'queued')`,
    [operation, tenant],
  );
  return rowCount === 1;
}

function fenced(): MillwrightError {
  return new MillwrightError("operation-fenced", "Another process has taken over this operation.");
}
