import { createHash, randomUUID } from "node:crypto";
import type pg from "pg";
import { appendAudit } from "../../data/catalog/audit.ts";
import { inTenant } from "../../data/catalog/catalog.ts";
import { cellSites } from "../../data/catalog/cell.ts";
import { claimIdempotencyKey } from "../../data/catalog/idempotency-key.ts";
import {
  addOperation,
  getOperation,
  homeSince,
  listOperations,
  operationsOf,
  requestCancel,
  requestRetry,
} from "../../data/catalog/operation.ts";
import type { Page, PageRequest } from "../../data/catalog/page.ts";
import {
  addTenant,
  getTenant,
  lockDedicatedTenants,
  lockTenant,
  setTenantState,
  type NewTenant,
  type TenantChange,
} from "../../data/catalog/tenant.ts";
import { hasWayBack } from "../../data/catalog/shadow.ts";
import { addMove, moveOfOperation, openMove } from "../../data/catalog/tenant-move.ts";
import { placementOf } from "../../data/catalog/placement.ts";
import { currentTriggers } from "../../data/catalog/trigger-config.ts";
import { inTransaction } from "../../data/pool.ts";
import { canonicalJson } from "../../model/canonical-json.ts";
import { MillwrightError } from "../../model/errors.ts";
import {
  isFinished,
  OPERATION_STEPS,
  type Operation,
  type OperationEvent,
  type OperationKind,
  type OperationStatus,
} from "../../model/operation.ts";
import { isThere, placeRefusals, refuseMove, type MoveTarget } from "../../model/move-gate.ts";
import { checkRestore, type RestoreTime } from "../../model/restore.ts";
import type { TenantId } from "../../model/tenant.ts";
import type { PolicyViolation } from "../engine/engine.ts";
import { readMovingTenant } from "../moves/moving-tenant.ts";
import type { OperationDependencies } from "./dependencies.ts";
import { followOperation } from "./follow.ts";
import { budgetViolations } from "../cost/cost-gate.ts";
import { lockEnvironmentBudget } from "../cost/environment.ts";
import { gateViolations, readGateFacts, refuseViolations } from "./gate.ts";
import type { Waker } from "./waker.ts";

/** Who asks. */
export interface Actor {
  /** Id of the credential: the audit's "who", and the scope of idempotency keys. */
  readonly id: string;
  readonly role: string;
  /** Network address. */
  readonly from?: string;
}

export interface OperationRequest {
  readonly actor: Actor;
  readonly idempotencyKey?: string;
  readonly reason?: string;
}

export interface MoveRequest extends MoveTarget {
  /** Of the trigger that asks for it. */
  readonly decision?: string | undefined;
}

interface OperationFilter extends PageRequest {
  readonly tenant?: TenantId | undefined;
  readonly status?: OperationStatus | undefined;
}

/**
 * Starts, shows and steers operations. Everything is decided in one transaction with its audit entry, and committed before
 * the answer; the work itself comes after. One operation at a time per tenant. A delete is the exception: it is taken at
 * once, asks a running operation to stop at its next safe point, and runs when that one has ended.
 */
export interface OperationService {
  /** What the gate would refuse, for a dry run. */
  readonly violations: (tenant: NewTenant) => Promise<PolicyViolation[]>;
  /** @throws MillwrightError `tenant-exists`, `policy-refused`, `idempotency-key-reused` */
  readonly startCreate: (tenant: NewTenant, request: OperationRequest) => Promise<Operation>;
  /** @throws MillwrightError `tenant-unknown`, `tenant-busy`, `tenant-not-ready`, `policy-refused`, `idempotency-key-reused` */
  readonly startUpdate: (
    tenant: TenantId,
    change: TenantChange,
    request: OperationRequest,
  ) => Promise<Operation>;
  /** @throws MillwrightError `tenant-unknown`, `tenant-busy`, `idempotency-key-reused` */
  readonly startDelete: (tenant: TenantId, request: OperationRequest) => Promise<Operation>;
  /** @throws MillwrightError `tenant-unknown`, `tenant-busy`, `tenant-not-ready`, `move-needless`, `move-unfinished`, `move-refused`, `idempotency-key-reused` */
  readonly startMove: (
    tenant: TenantId,
    wanted: MoveRequest,
    request: OperationRequest,
  ) => Promise<Operation>;
  /** The way back, while the old home follows. @throws MillwrightError as startMove, `rollback-too-late` */
  readonly startRollback: (tenant: TenantId, request: OperationRequest) => Promise<Operation>;
  /** Takes the old home away, before its time if need be. @throws MillwrightError as startMove, `move-needless` */
  readonly startFinishMove: (tenant: TenantId, request: OperationRequest) => Promise<Operation>;
  /** New passwords for the logins that the tenant's stack makes. @throws MillwrightError as startUpdate */
  readonly startRotate: (tenant: TenantId, request: OperationRequest) => Promise<Operation>;
  /**
   * Takes the tenant's own database back to a time.
   * @throws MillwrightError as startUpdate, `restore-unavailable`, `move-unfinished`, `request-invalid`
   */
  readonly startRestore: (tenant: TenantId, to: RestoreTime, request: OperationRequest) => Promise<Operation>;
  /** @param tenant - of a tenant's credential: another tenant's operation is `operation-unknown` */
  readonly get: (id: string, tenant?: TenantId) => Promise<Operation>;
  /** Newest first. @param tenant - of a tenant's credential: it sees nothing of a former tenant with its id */
  readonly list: (filter: OperationFilter, tenant?: TenantId) => Promise<Page<Operation>>;
  /** @throws MillwrightError `operation-unknown`, `operation-not-cancellable` */
  readonly cancel: (id: string, request: OperationRequest) => Promise<Operation>;
  /** @throws MillwrightError `operation-unknown`, `operation-not-retryable`, `tenant-busy` */
  readonly retry: (id: string, request: OperationRequest) => Promise<Operation>;
  /** Events behind `afterId` as they come; ends when the operation has ended, or with `signal`. */
  readonly events: (id: string, afterId: number, signal: AbortSignal) => AsyncIterable<OperationEvent>;
}

export function operationService(
  deps: OperationDependencies,
  local: { readonly waker: Waker; readonly dispatch: () => void },
): OperationService {
  const { catalog } = deps;
  const pool = catalog.service;

  const violations = async (db: pg.Pool | pg.PoolClient, tenant: NewTenant) => [
    ...gateViolations(await readGateFacts(db, tenant)),
    ...(await budgetViolations(db, tenant, deps)),
  ];

  /** @param decide - refuses by throwing, or makes what belongs to the operation, and answers its input */
  const start = async (
    kind: OperationKind,
    tenant: TenantId,
    body: object,
    request: OperationRequest,
    decide: (tx: pg.PoolClient, operation: string) => Promise<Readonly<Record<string, unknown>>>,
  ): Promise<Operation> => {
    const operation = await inTransaction(pool, async (tx) => {
      const id = randomUUID();
      const { idempotencyKey: key, actor, reason } = request;
      if (key !== undefined) {
        const requestHash = createHash("sha256").update(canonicalJson({ kind, tenant, body })).digest();
        const bound = await claimIdempotencyKey(tx, { scope: actor.id, key, requestHash, operation: id });
        if (bound !== id) return getOperation(tx, bound);
      }
      const input = await decide(tx, id);
      const steps = OPERATION_STEPS[kind];
      await addOperation(tx, { id, kind, tenant, requestedBy: actor.id, reason, input, steps });
      await audit(tx, request, `operation.${kind}`, tenant, id);
      return getOperation(tx, id);
    });
    local.dispatch();
    return operation;
  };

  /** Locks the tenant of an operation that is to be steered; it may be gone already. */
  const steer = (
    id: string,
    request: OperationRequest,
    verb: "cancel" | "retry",
    decide: (tx: pg.PoolClient, operation: Operation) => Promise<void>,
  ): Promise<Operation> =>
    inTransaction(pool, async (tx) => {
      const operation = await getOperation(tx, id);
      await decide(tx, operation);
      await audit(tx, request, `operation.${verb}`, operation.tenant, id);
      return getOperation(tx, id);
    });

  return {
    violations: (tenant) => violations(pool, tenant),

    startCreate: (tenant, request) =>
      start("create", tenant.id, tenant, request, async (tx) => {
        if (tenant.tier === "dedicated") await lockDedicatedTenants(tx);
        const { topic = deps.defaultTopic } = tenant;
        if (!(await addTenant(tx, { ...tenant, topic }))) {
          throw new MillwrightError("tenant-exists", `The id ${tenant.id} is taken.`);
        }
        await lockEnvironmentBudget(tx);
        refuseViolations(await violations(tx, tenant));
        return { ...tenant, topic };
      }),

    startUpdate: (tenant, change, request) =>
      start("update", tenant, change, request, async (tx) => {
        await lockReadyTenant(tx, tenant, "changed");
        const before = await getTenant(tx, tenant);
        // What adds cost is held against the budgets; a budget alone may be lowered below what is there.
        if ((change.machines ?? 0) > before.machines) {
          await lockEnvironmentBudget(tx);
          refuseViolations(await budgetViolations(tx, { ...before, ...change }, deps));
        }
        return { ...change };
      }),

    startMove: (tenant, wanted, request) =>
      start("move", tenant, wanted, request, async (tx, operation) => {
        await lockReadyTenant(tx, tenant, "moved");
        if ((await openMove(tx, tenant)) !== undefined) throw moveUnfinished(tenant);
        const { tier, placement } = await getTenant(tx, tenant);
        const sourceCell = placement?.cell ?? "";
        if (isThere({ tier, cell: sourceCell }, wanted))
          throw new MillwrightError("move-needless", `${tenant} is on the ${tier} tier, in ${sourceCell}.`);
        if (wanted.tier === "dedicated") {
          await lockDedicatedTenants(tx);
          await lockEnvironmentBudget(tx);
        }
        const moving = await readMovingTenant(tx, { tenant, target: wanted }, deps);
        refuseMove(placeRefusals(moving, wanted, (await currentTriggers(tx)).triggers));
        const { decision, tier: targetTier } = wanted;
        await addMove(tx, { operation, tenant, sourceCell, sourceTier: tier, targetTier, decision });
        await setTenantState(tx, tenant, ["ready"], "moving");
        return { ...wanted };
      }),

    startRollback: (tenant, request) =>
      start("rollback", tenant, {}, request, async (tx) => {
        await lockReadyTenant(tx, tenant, "moved back");
        const move = await openMove(tx, tenant);
        if (move?.state !== "moved" || !(await hasWayBack(tx, tenant)))
          throw new MillwrightError("rollback-too-late", `${tenant} has no way back to an earlier home.`);
        await setTenantState(tx, tenant, ["ready"], "moving");
        return {};
      }),

    startFinishMove: (tenant, request) =>
      start("finish-move", tenant, {}, request, async (tx) => {
        await lockReadyTenant(tx, tenant, "changed");
        if ((await openMove(tx, tenant)) === undefined)
          throw new MillwrightError("move-needless", `${tenant} has no earlier home that could go.`);
        return {};
      }),

    startRotate: (tenant, request) =>
      start("rotate", tenant, {}, request, async (tx) => {
        await lockReadyTenant(tx, tenant, "given new passwords");
        return { rotation: await nextRotation(tx, tenant) };
      }),

    startRestore: (tenant, to, request) =>
      start("restore", tenant, { to }, request, async (tx) => {
        await lockReadyTenant(tx, tenant, "restored");
        const kind = deps.servers === undefined ? "no-backups" : await backupsOf(tx, tenant);
        const homeSinceMs = await homeSince(tx, tenant);
        checkRestore({ to, nowMs: Date.now(), kind, homeSinceMs });
        if ((await openMove(tx, tenant)) !== undefined) throw moveUnfinished(tenant);
        return { to, rotation: await nextRotation(tx, tenant) };
      }),

    startDelete: (tenant, request) =>
      start("delete", tenant, {}, request, async (tx) => {
        const stateBefore = await lockTenant(tx, tenant);
        const { active } = await operationsOf(tx, tenant);
        for (const { id, kind, isCancelRequested, isCancellable } of active) {
          // a cancelled create that is cleaning up removes the tenant by itself
          const isRemoving = kind === "create" && isCancelRequested && !isCancellable;
          if (kind === "delete" || isRemoving) throw busy(tenant, kind, id);
          await requestCancel(tx, id);
        }
        await setTenantState(tx, tenant, ["creating", "ready", "moving", "failed"], "deleting");
        return { stateBefore };
      }),

    get: (id, tenant) =>
      tenant === undefined ? getOperation(pool, id) : inTenant(catalog, tenant, (tx) => getOperation(tx, id)),

    list: (filter, tenant) =>
      tenant === undefined
        ? listOperations(pool, filter)
        : inTenant(catalog, tenant, (tx) => listOperations(tx, filter)),

    cancel: (id, request) =>
      steer(id, request, "cancel", async (tx, { status, kind }) => {
        if (await requestCancel(tx, id)) return;
        const why = isFinished(status) ? `has ${status}` : "has no way back any more";
        throw new MillwrightError("operation-not-cancellable", `This ${kind} ${why}.`);
      }),

    retry: async (id, request) => {
      const operation = await steer(id, request, "retry", async (tx, { tenant, status, kind }) => {
        if (status !== "failed") {
          throw new MillwrightError(
            "operation-not-retryable",
            `Only a failed operation can be retried; this one's status is ${status}.`,
          );
        }
        await lockTenant(tx, tenant);
        const { active, newest } = await operationsOf(tx, tenant);
        if (active[0] !== undefined) throw busy(tenant, active[0].kind, active[0].id);
        if ((await moveOfOperation(tx, id))?.state === "abandoned") {
          const message = `The tenant is where it was, and nothing is left of this move; start another one.`;
          throw new MillwrightError("operation-not-retryable", message);
        }
        if (newest !== id || !(await requestRetry(tx, id))) {
          const message = "A later operation has taken this one's place.";
          throw new MillwrightError("operation-not-retryable", message);
        }
        if (kind === "create" || kind === "delete")
          await setTenantState(tx, tenant, ["failed"], kind === "create" ? "creating" : "deleting");
        if (kind === "rollback") await setTenantState(tx, tenant, ["ready"], "moving");
      });
      local.dispatch();
      return operation;
    },

    async *events(id, afterId, signal) {
      await getOperation(pool, id);
      yield* followOperation(pool, local.waker, id, afterId, signal);
    },
  };
}

function audit(
  tx: pg.PoolClient,
  { actor, reason }: OperationRequest,
  action: string,
  tenant: TenantId,
  subject: string,
): Promise<void> {
  const { id, role, from = null } = actor;
  const why = reason === undefined ? {} : { detail: { reason } };
  return appendAudit(tx, { actor: id, role, from, action, tenant, subject, result: "accepted", ...why });
}

/** @throws MillwrightError `tenant-unknown`, `tenant-busy`, `tenant-not-ready` */
async function lockReadyTenant(tx: pg.PoolClient, tenant: TenantId, wish: string): Promise<void> {
  const state = await lockTenant(tx, tenant);
  const { active } = await operationsOf(tx, tenant);
  if (active[0] !== undefined) throw busy(tenant, active[0].kind, active[0].id);
  if (state === "ready") return;
  throw new MillwrightError(
    "tenant-not-ready",
    `Tenant ${tenant} is ${state}; only a ready one can be ${wish}.`,
  );
}

async function nextRotation(tx: pg.PoolClient, tenant: TenantId): Promise<number> {
  return ((await placementOf(tx, tenant))?.rotation ?? 0) + 1;
}

async function backupsOf(tx: pg.PoolClient, tenant: TenantId): Promise<"backed-up" | "external" | "shared"> {
  const [home] = await cellSites(tx, [(await placementOf(tx, tenant))?.cell ?? ""]);
  if (home?.tier !== "dedicated") return "shared";
  return home.server === undefined ? "backed-up" : "external";
}

function moveUnfinished(tenant: TenantId): MillwrightError {
  const message = `The last move of ${tenant} still has its way back; finish it first, or roll it back.`;
  return new MillwrightError("move-unfinished", message);
}

function busy(tenant: TenantId, kind: OperationKind, id: string): MillwrightError {
  return new MillwrightError("tenant-busy", `Tenant ${tenant} has a ${kind} on its way: operation ${id}.`, {
    retryable: true,
  });
}
