import type { CancelRule, OwnedOperation } from "../../../data/catalog/ownership.ts";
import type { StepName } from "../../../model/operation.ts";
import type { OperationDependencies } from "../dependencies.ts";
import type { ProgressLog } from "../progress-log.ts";
import type { StackSessions } from "../stack-sessions.ts";

/** What one execution of an operation carries from step to step; what must survive it is in the catalog. */
export interface OperationRun {
  readonly owned: OwnedOperation;
  readonly deps: OperationDependencies;
  readonly sessions: StackSessions;
  readonly progress: ProgressLog;
  /** Aborts when the operation is asked to stop, or the process is. */
  readonly signal: AbortSignal;
}

/** One durable step. It may run again after a crash at any point in it, so everything it does can be done twice. */
export interface Step {
  readonly name: StepName;
  readonly cancel: CancelRule;
  /** Answers what the operation's record shows; never a secret. */
  readonly run: (run: OperationRun) => Promise<Readonly<Record<string, unknown>> | undefined>;
}
