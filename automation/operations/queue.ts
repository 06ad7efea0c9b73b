import { DBOS } from "@dbos-inc/dbos-sdk";
// The only way to recover by executor id; the package exports it under this name. It moves a workflow only while that
// executor still has it, which DBOS.resumeWorkflows does not check.
import { getExecutor } from "@dbos-inc/dbos-sdk/internal/dbos";
import type { UndispatchedOperation } from "../../data/catalog/operation.ts";
import type { OperationDependencies, OperationLogger } from "./dependencies.ts";
import type { StepEnd } from "./step-runner.ts";

const QUEUE = "operations";
const WORKFLOW = "operation";
/** Constant: a new release takes over what an old one has begun. A changed order of steps goes behind DBOS.patch. */
const APPLICATION_VERSION = "1";
/**
 * How long a request waits for its start at most. Shorter costs an idle service more (25 ms: 3 % of a core, 50 ms: 1.7 %),
 * longer is felt (1 s: 400 ms become 3 s).
 */
const POLL_MS = 50;
const DEFAULT_CONCURRENCY = 2;
/** A stopped process must not hold the queue's row locks for ever; far above what any transaction here takes. */
const IDLE_TRANSACTION_MS = 60_000;
/** An operation whose process died this often kills its process: it is put aside instead of tried for ever. */
const MAX_RECOVERIES = 100;

const FINISHED: ReadonlySet<string> = new Set([
  "SUCCESS",
  "ERROR",
  "CANCELLED",
  "MAX_RECOVERY_ATTEMPTS_EXCEEDED",
]);

const WITHOUT_PAYLOAD = { workflowName: WORKFLOW, loadInput: false, loadOutput: false };

/** Said in the address, where it costs nothing: otherwise DBOS sends it as a query that races with the first one. */
function withIdleTimeout(databaseUrl: string): string {
  const url = new URL(databaseUrl);
  url.searchParams.set("options", `-c idle_in_transaction_session_timeout=${IDLE_TRANSACTION_MS}`);
  return url.href;
}

/** The durable queue: one operation at a time per tenant, a limit over all. A process has one of it. */
export class OperationQueue {
  readonly #workflow: (operation: string) => Promise<void>;

  private constructor(workflow: (operation: string) => Promise<void>) {
    this.#workflow = workflow;
  }

  /** Starts to execute what is queued, from this moment on. @param run - see OperationRunner.run */
  static async launch(
    deps: OperationDependencies,
    executor: string,
    run: (operation: string) => Promise<void>,
  ): Promise<OperationQueue> {
    DBOS.setConfig({
      name: "millwright",
      systemDatabaseUrl: withIdleTimeout(deps.databaseUrl),
      executorID: executor,
      applicationVersion: APPLICATION_VERSION,
      logger: queueLogger(deps.logger),
    });
    const workflow = DBOS.registerWorkflow(run, { name: WORKFLOW, maxRecoveryAttempts: MAX_RECOVERIES });
    await DBOS.launch();
    await DBOS.registerQueue(QUEUE, {
      globalConcurrency: deps.concurrency ?? DEFAULT_CONCURRENCY,
      partitionConcurrency: 1,
      minPollingIntervalMs: POLL_MS,
    });
    return new OperationQueue(workflow);
  }

  /**
   * Makes the queue know the operation, or its retry; again is harmless.
   * @returns false when the execution before the retry has not quite ended: ask again in a moment
   */
  async dispatch({ id, tenant, attempt }: UndispatchedOperation): Promise<boolean> {
    const place = { queueName: QUEUE, queuePartitionKey: tenant };
    const status = await DBOS.getWorkflowStatus(id);
    if (status === null) {
      const enqueueOptions = { queuePartitionKey: tenant };
      await DBOS.startWorkflow(this.#workflow, { workflowID: id, queueName: QUEUE, enqueueOptions })(id);
      return true;
    }
    const steps = (await DBOS.listWorkflowSteps(id)) ?? [];
    // the last: a clean-up that failed comes after the failure that it cleans up
    const failed = steps.findLast(({ output }) => (output as StepEnd | null)?.end === "failed");
    if (FINISHED.has(status.status)) {
      await DBOS.rewindWorkflow(id, { ...place, startStep: failed?.functionID ?? steps.length });
      return true;
    }
    // Not finished: either it was rewound for this attempt already, or it still carries an end of an earlier one.
    const end = failed?.output as Extract<StepEnd, { end: "failed" }> | undefined;
    return end === undefined || end.attempt === attempt;
  }

  /** The executors that have taken an operation and not ended it. */
  async holders(): Promise<Set<string>> {
    const taken = await DBOS.listWorkflows({ ...WITHOUT_PAYLOAD, status: "PENDING" });
    return new Set(taken.flatMap(({ executorId }) => executorId ?? []));
  }

  /** Gives back to the queue what these executors have taken. @returns how many operations */
  async recover(executors: string[]): Promise<number> {
    return executors.length === 0 ? 0 : (await getExecutor().recoverPendingWorkflows(executors)).length;
  }

  /** Operations that the queue has put aside: recovered too often, or ended by an error of the queue itself. */
  async givenUp(): Promise<string[]> {
    const status = ["ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"] as const;
    const found = await DBOS.listWorkflows({ ...WITHOUT_PAYLOAD, status: [...status] });
    return found.map(({ workflowID }) => workflowID);
  }

  /** Stops taking operations; does not wait for those that run. */
  async shutdown(): Promise<void> {
    await DBOS.shutdown({ deregister: true });
  }
}

function queueLogger(logger: OperationLogger) {
  const text = (entry: unknown) => (typeof entry === "string" ? entry : String(entry));
  return {
    // what it says at info is about itself, at each start
    info: (entry: unknown) => logger.debug({ part: "queue" }, text(entry)),
    debug: (entry: unknown) => logger.debug({ part: "queue" }, text(entry)),
    warn: (entry: unknown) => logger.warn({ part: "queue" }, text(entry)),
    error: (entry: unknown) => logger.error({ part: "queue" }, text(entry)),
  };
}
