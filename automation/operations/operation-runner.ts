import { DBOS, Error as QueueErrors } from "@dbos-inc/dbos-sdk";
import { appendAudit } from "../../data/catalog/audit.ts";
import {
  appendProgress,
  claimCleanUp,
  finishOperation,
  inOwnership,
  takeOwnership,
  type OperationEnd,
  type OwnedOperation,
} from "../../data/catalog/ownership.ts";
import { recordSystemEvent } from "../../data/catalog/system-event.ts";
import { cancelRequested } from "../../data/catalog/operation.ts";
import { lockTenant, setTenantState } from "../../data/catalog/tenant.ts";
import { hasCode } from "../../model/errors.ts";
import { problemOf, type OperationKind } from "../../model/operation.ts";
import type { TenantState } from "../../model/tenant.ts";
import type { OperationDependencies } from "./dependencies.ts";
import { Life } from "./life.ts";
import { ProgressLog } from "./progress-log.ts";
import { StackSessions } from "./stack-sessions.ts";
import { runStep, type StepEnd } from "./step-runner.ts";
import { CREATE } from "./steps/create.ts";
import { DELETE, DISMANTLE } from "./steps/delete.ts";
import type { OperationRun, Step } from "./steps/step.ts";
import { ABANDON } from "./steps/move/abandon.ts";
import { FINISH_MOVE } from "./steps/move/finish.ts";
import { whereFlipEnded } from "./steps/move/flip.ts";
import { MOVE, ROLLBACK } from "./steps/move/move.ts";
import { RESTORE } from "./steps/restore.ts";
import { ROTATE } from "./steps/rotate.ts";
import { UPDATE } from "./steps/update.ts";

const STEPS: Readonly<Record<OperationKind, readonly Step[]>> = {
  create: CREATE,
  update: UPDATE,
  delete: DELETE,
  move: MOVE,
  rollback: ROLLBACK,
  "finish-move": FINISH_MOVE,
  rotate: ROTATE,
  restore: RESTORE,
};

/** Executes operations in this process. */
export class OperationRunner {
  readonly #deps: OperationDependencies;
  readonly #executor: string;
  readonly #life = new Life();
  readonly #sessions: StackSessions;
  readonly #cancels = new Map<string, AbortController>();

  constructor(deps: OperationDependencies, executor: string) {
    this.#deps = deps;
    this.#executor = executor;
    this.#sessions = new StackSessions(deps.engine);
  }

  /**
   * The body of the workflow. It runs again from its first line after every crash and retry; the queue then answers what
   * steps have ended with. Taking ownership is on purpose not such a step: each execution gets a token of its own.
   */
  async run(operation: string): Promise<void> {
    const { service } = this.#deps.catalog;
    const owned = await this.#life.persist(() => takeOwnership(service, operation, this.#executor));
    if (owned === undefined) return; // it had ended; only the queue did not know yet
    const cancel = new AbortController();
    this.#cancels.set(operation, cancel);
    const run: OperationRun = {
      owned,
      deps: this.#deps,
      sessions: this.#sessions,
      progress: new ProgressLog((lines) => appendProgress(service, owned, lines)),
      signal: AbortSignal.any([cancel.signal, this.#life.signal]),
    };
    try {
      const end = await this.#execute(run);
      if (end !== undefined) await this.#finish(owned, end);
    } catch (error) {
      await this.#life.orParked();
      // The queue's own errors (lost ownership among them) and a lost token: somebody else goes on, this execution ends.
      if (hasCode(error, "operation-fenced") || error instanceof QueueErrors.DBOSError) throw error;
      this.#deps.logger.error({ operationId: operation, err: error }, "operation failed outside its steps");
      await this.#finish(owned, { status: "failed", error: problemOf(error) });
    } finally {
      if (this.#cancels.get(operation) === cancel) {
        this.#cancels.delete(operation);
        await this.#sessions.close(operation);
      }
    }
  }

  /** Operations that this process drives now. */
  get running(): readonly string[] {
    return [...this.#cancels.keys()];
  }

  /** Looks which of these were asked to stop, and stops them at their next safe point. */
  async hearCancel(operations: readonly string[]): Promise<void> {
    const own = operations.filter((operation) => this.#cancels.has(operation));
    if (own.length === 0) return;
    for (const operation of await cancelRequested(this.#deps.catalog.service, own)) {
      this.#cancels.get(operation)?.abort();
    }
  }

  /** Ends the engine's processes; operations stay where they are, for the next owner. */
  async stop(): Promise<void> {
    this.#life.end();
    await this.#sessions.closeAll();
  }

  /** Undefined when a retry, not this execution, decides how the operation ends. */
  async #execute(run: OperationRun): Promise<OperationEnd | undefined> {
    const steps = STEPS[run.owned.kind];
    const end = await this.#runSteps(run, steps, 1);
    if (end.end === "succeeded" || !(await this.#needsCleanUp(run, end))) return endOf(end, run.owned);
    if (!(await this.#claimCleanUp(run))) return endOf(end, run.owned);
    // not to be cancelled again: clean-up is ordinary steps that go to their end
    const cleanUp = { ...run, signal: this.#life.signal };
    const cleaning = run.owned.kind === "move" ? ABANDON : DISMANTLE;
    const cleaned = await this.#runSteps(cleanUp, cleaning, steps.length + 1);
    if (cleaned.end !== "succeeded") return endOf(cleaned, run.owned);
    return end.end === "failed" ? { status: "failed", error: end.problem } : { status: "cancelled" };
  }

  /** A create cleans up when it is cancelled; a move does so however it ends before its flip is decided. */
  async #needsCleanUp(run: OperationRun, { end }: StepEnd): Promise<boolean> {
    const { kind } = run.owned;
    if (kind === "create") return end === "cancelled";
    if (kind !== "move") return false;
    const ended = () => this.#life.persist(() => whereFlipEnded(run));
    return (await DBOS.runStep(ended, { name: "end-flip" })) === "source";
  }

  /** Straight through, up to the first step that does not succeed. */
  async #runSteps(run: OperationRun, steps: readonly Step[], firstOrdinal: number): Promise<StepEnd> {
    for (const [index, step] of steps.entries()) {
      const end = await DBOS.runStep(() => runStep(run, step, firstOrdinal + index, this.#life), {
        name: step.name,
      });
      if (end.end !== "succeeded") return end;
    }
    return { end: "succeeded" };
  }

  async #claimCleanUp({ owned }: OperationRun): Promise<boolean> {
    const { service } = this.#deps.catalog;
    const claim = () =>
      inOwnership(service, owned, async (tx) => {
        await lockTenant(tx, owned.tenant);
        return claimCleanUp(tx, owned, owned.tenant);
      });
    return DBOS.runStep(() => this.#life.persist(claim), { name: "claim-clean-up" });
  }

  async #finish(owned: OwnedOperation, end: OperationEnd): Promise<void> {
    const { operation, tenant, kind, requestedBy } = owned;
    const finish = () =>
      inOwnership(this.#deps.catalog.service, owned, async (tx) => {
        await finishOperation(tx, operation, end);
        const change = stateAfter(owned, end.status);
        if (change !== undefined) await setTenantState(tx, tenant, [change.from], change.to);
        if (change?.to === "failed") {
          const detail = { operation, kind, code: end.error?.code ?? end.status };
          await recordSystemEvent(tx, {
            kind: "tenant.failed",
            tenant,
            detail,
            key: `${operation}/${owned.attempt}`,
          });
        }
        await appendAudit(tx, {
          actor: requestedBy,
          role: "operation",
          from: null,
          action: `operation.${kind}`,
          tenant,
          subject: operation,
          result: end.error?.code ?? end.status,
        });
      });
    await this.#life.persist(finish);
    this.#deps.logger.info(
      { operationId: operation, tenantId: tenant, kind, status: end.status },
      "operation ended",
    );
  }
}

function endOf(end: StepEnd, { attempt }: OwnedOperation): OperationEnd | undefined {
  if (end.end !== "failed") return { status: end.end };
  // An end of an earlier attempt, read back before the queue has heard of the retry: the retry will run the step again.
  return end.attempt === attempt ? { status: "failed", error: end.problem } : undefined;
}

/** What becomes of the tenant when its operation did not succeed. */
function stateAfter(
  { kind, input }: OwnedOperation,
  status: OperationEnd["status"],
): { readonly from: TenantState; readonly to: TenantState } | undefined {
  // of a move that is not decided, or the flip's own step says so
  if (status !== "succeeded" && kind === "rollback") return { from: "moving", to: "ready" };
  if (status !== "succeeded" && kind === "create") return { from: "creating", to: "failed" };
  if (status === "succeeded" || kind !== "delete") return undefined;
  const wasReady = status === "cancelled" && input["stateBefore"] === "ready";
  return { from: "deleting", to: wasReady ? "ready" : "failed" };
}
