import * as z from "zod";
import { MillwrightError } from "../../model/errors.ts";
import type {
  Operation,
  OperationKind,
  OperationStatus,
  OperationStep,
  Problem,
  StepName,
  StepStatus,
} from "../../model/operation.ts";
import type { TenantId } from "../../model/tenant.ts";
import type { Queryable } from "../pool.ts";
import { decodeNumberCursor, pageOf, type Page, type PageRequest } from "./page.ts";

/** The right to drive an operation, taken anew by each start, take-over and retry. */
export interface Ownership {
  readonly operation: string;
  readonly fencingToken: bigint;
}

export interface NewOperation {
  readonly id: string;
  readonly kind: OperationKind;
  readonly tenant: TenantId;
  readonly requestedBy: string;
  readonly reason: string | undefined;
  readonly input: Readonly<Record<string, unknown>>;
  readonly steps: readonly StepName[];
}

interface StepRow {
  readonly name: StepName;
  readonly status: StepStatus;
  readonly attempts: number;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  readonly detail: Readonly<Record<string, unknown>> | null;
}

interface OperationRow {
  readonly operation: string;
  readonly position: bigint;
  readonly kind: OperationKind;
  readonly tenant: TenantId;
  readonly status: OperationStatus;
  readonly requested_by: string;
  readonly reason: string | null;
  readonly error: Problem | null;
  readonly result: Readonly<Record<string, unknown>> | null;
  readonly cancel_requested_at: Date | null;
  readonly attempt: number;
  readonly created_at: Date;
  readonly started_at: Date | null;
  readonly finished_at: Date | null;
  readonly steps: readonly StepRow[];
}

/** @param result - SQL */
const selectWith = (
  result: string,
) => `select o.operation, o.position, o.kind, o.tenant, o.status, o.requested_by, o.reason, o.error, ${result},
       o.cancel_requested_at, o.attempt, o.created_at, o.started_at, o.finished_at,
       (select coalesce(jsonb_agg(jsonb_build_object('name', s.name, 'status', s.status, 'attempts', s.attempts,
                 'startedAt', s.started_at, 'finishedAt', s.finished_at, 'detail', s.detail) order by s.ordinal), '[]')
          from operation_step s where s.operation = o.operation) as steps
  from operation o`;

const uuid = z.uuid();

/** Adds the operation with its steps and first event, and wakes who waits for it. */
export async function addOperation(tx: Queryable, operation: NewOperation): Promise<void> {
  const { id, kind, tenant, requestedBy, reason, input, steps } = operation;
  await tx.query(
    `with added as (
       insert into operation (operation, kind, tenant, requested_by, reason, input, last_event)
       values ($1, $2, $3, $4, $5, $6, 1)),
     planned as (
       insert into operation_step (operation, ordinal, tenant, name, status)
       select $1, ordinal, $3, name, 'pending' from unnest($7::text[]) with ordinality as s (name, ordinal))
     insert into operation_event (operation, event, tenant, kind, payload)
     values ($1, 1, $3, 'status', '{"status": "queued"}')`,
    [id, kind, tenant, requestedBy, reason ?? null, JSON.stringify(input), steps],
  );
}

/** @throws MillwrightError `operation-unknown`, also for an id that is no UUID */
export async function getOperation(db: Queryable, id: string): Promise<Operation> {
  if (uuid.safeParse(id).success) {
    const { rows } = await db.query<OperationRow>(`${selectWith("o.result")} where o.operation = $1`, [id]);
    if (rows[0] !== undefined) return operationOf(rows[0]);
  }
  throw new MillwrightError("operation-unknown", "There is no such operation.");
}

/** Newest first; without receipts, of which each may have thousands of ranges. */
export async function listOperations(
  db: Queryable,
  filter: PageRequest & {
    readonly tenant?: TenantId | undefined;
    readonly status?: OperationStatus | undefined;
  },
): Promise<Page<Operation>> {
  const before = decodeNumberCursor(filter.cursor);
  const { rows } = await db.query<OperationRow>(
    `${selectWith("o.result - 'receipt' as result")}
      where ($1::text is null or o.tenant = $1) and ($2::text is null or o.status = $2)
        and ($3::bigint is null or o.position < $3)
      order by o.position desc limit $4`,
    [filter.tenant ?? null, filter.status ?? null, before, filter.limit + 1],
  );
  const { items, nextCursor } = pageOf(rows, filter.limit, ({ position }) => [String(position)]);
  return { items: items.map(operationOf), nextCursor };
}

/** What a decision about a tenant's next operation needs to know of those before it. */
export interface OperationState {
  readonly id: string;
  readonly kind: OperationKind;
  readonly status: OperationStatus;
  readonly isCancelRequested: boolean;
  readonly isCancellable: boolean;
}

/** The tenant's operations that are not finished (at most two), and its newest one. */
export async function operationsOf(
  tx: Queryable,
  tenant: TenantId,
): Promise<{ readonly active: readonly OperationState[]; readonly newest: string | undefined }> {
  const { rows } = await tx.query<OperationState & { isActive: boolean; isNewest: boolean }>(
    `select * from (
       select operation as id, kind, status, cancel_requested_at is not null as "isCancelRequested",
              is_cancellable as "isCancellable", status in ('queued', 'running') as "isActive",
              position = max(position) over () as "isNewest"
         from operation where tenant = $1) o
      where "isActive" or "isNewest"`,
    [tenant],
  );
  return {
    active: rows.filter(({ isActive }) => isActive),
    newest: rows.find(({ isNewest }) => isNewest)?.id,
  };
}

/** Asks an operation to stop at its next safe point, and wakes its owner. False when there is no such point left. */
export async function requestCancel(tx: Queryable, id: string): Promise<boolean> {
  const { rowCount } = await tx.query(
    `with asked as (
       update operation set cancel_requested_at = coalesce(cancel_requested_at, now()), last_event = last_event + 1
        where operation = $1 and status in ('queued', 'running') and is_cancellable
       returning operation, tenant, last_event),
     told as (
       insert into operation_event (operation, event, tenant, kind, payload)
       select operation, last_event, tenant, 'progress', '{"message": "Cancel was requested."}' from asked)
     select pg_notify('operation', operation::text), pg_notify('operation_cancel', operation::text) from asked`,
    [id],
  );
  return rowCount === 1;
}

/**
 * Makes a failed operation ready to go on from the step that failed. False when it is not a failed one. One that failed
 * while it cleaned up stays cancelled: it is still removing its tenant.
 */
export async function requestRetry(tx: Queryable, id: string): Promise<boolean> {
  const { rowCount } = await tx.query(
    `with asked as (
       update operation set status = 'queued', attempt = attempt + 1, error = null, finished_at = null,
              cancel_requested_at = case when is_cancellable then null else cancel_requested_at end,
              last_event = last_event + 1
        where operation = $1 and status = 'failed'
       returning operation, tenant, last_event),
     told as (
       insert into operation_event (operation, event, tenant, kind, payload)
       select operation, last_event, tenant, 'status', '{"status": "queued"}' from asked)
     select pg_notify('operation', operation::text) from asked`,
    [id],
  );
  return rowCount === 1;
}

/** A committed operation that the queue may not know yet. */
export interface UndispatchedOperation {
  readonly id: string;
  readonly tenant: TenantId;
  readonly attempt: number;
}

/** Oldest first: the queue keeps a tenant's operations in the order in which they were accepted. */
export async function undispatchedOperations(db: Queryable): Promise<UndispatchedOperation[]> {
  const { rows } = await db.query<UndispatchedOperation>(
    `select operation as id, tenant, attempt from operation
      where dispatched_attempt < attempt and status in ('queued', 'running') order by position limit 100`,
  );
  return rows;
}

export async function markDispatched(db: Queryable, id: string, attempt: number): Promise<void> {
  await db.query(
    "update operation set dispatched_attempt = $2 where operation = $1 and dispatched_attempt < $2",
    [id, attempt],
  );
}

/** Ends operations that the queue has put aside; those that were ended already, or retried since, stay as they are. */
export async function failGivenUp(
  db: Queryable,
  ids: readonly string[],
  problem: Problem,
): Promise<readonly string[]> {
  const { rows } = await db.query<{ operation: string }>(
    `with ended as (
       update operation set status = 'failed', error = $2, finished_at = now(), last_event = last_event + 1
        where operation = any($1) and status in ('queued', 'running') and dispatched_attempt = attempt
       returning operation, tenant, last_event),
     told as (
       insert into operation_event (operation, event, tenant, kind, payload)
       select operation, last_event, tenant, 'status', jsonb_build_object('status', 'failed', 'error', $2::jsonb)
         from ended),
     settled as (
       update tenant t set state = 'failed' from ended e where t.tenant = e.tenant and t.state in ('creating', 'deleting'))
     select operation, pg_notify('operation', operation::text) from ended`,
    [ids, JSON.stringify(problem)],
  );
  return rows.map(({ operation }) => operation);
}

/** Which of these operations were asked to stop. */
export async function cancelRequested(db: Queryable, ids: readonly string[]): Promise<string[]> {
  const { rows } = await db.query<{ operation: string }>(
    "select operation from operation where operation = any($1) and cancel_requested_at is not null",
    [ids],
  );
  return rows.map(({ operation }) => operation);
}

function operationOf(row: OperationRow): Operation {
  return {
    id: row.operation,
    kind: row.kind,
    tenant: row.tenant,
    status: row.status,
    steps: row.steps.map(stepOf),
    error: row.error,
    result: row.result,
    requestedBy: row.requested_by,
    reason: row.reason,
    isCancelRequested: row.cancel_requested_at !== null,
    attempt: row.attempt,
    createdAt: row.created_at.toISOString(),
    startedAt: row.started_at?.toISOString() ?? null,
    finishedAt: row.finished_at?.toISOString() ?? null,
  };
}

function stepOf({ detail, startedAt, finishedAt, ...step }: StepRow): OperationStep {
  // jsonb gives times in the session's notation
  const iso = (time: string | null) => (time === null ? null : new Date(time).toISOString());
  return {
    ...step,
    startedAt: iso(startedAt),
    finishedAt: iso(finishedAt),
    ...(detail === null ? {} : { detail }),
  };
}

/** Since when the tenant is in its home: the end of the operation that brought it there, in ms since epoch. */
export async function homeSince(db: Queryable, tenant: TenantId): Promise<number> {
  const { rows } = await db.query<{ since: Date }>(
    `select coalesce(max(o.finished_at), max(t.created_at)) as since
       from tenant t left join operation o
         on o.tenant = t.tenant and o.status = 'succeeded' and o.kind in ('create', 'move', 'rollback')
      where t.tenant = $1`,
    [tenant],
  );
  return rows[0]?.since.getTime() ?? 0;
}
