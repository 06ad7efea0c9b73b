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

/** {@link OperationRun} in the hands of one step. */
export interface StepRun extends OperationRun {
  /** Shows how far the step is; the last of what comes in quick succession is shown. */
  readonly report: (detail: Readonly<Record<string, unknown>>) => void;
}

/** A cell that restarts is back within it; longer and the operation fails, and `retry` goes on from there. */
export const DEFAULT_OUTAGE_LIMIT_MS = 5_250;

/** One durable step. It may run again after a crash at any point in it, so everything it does can be done twice. */
export interface Step {
  readonly name: StepName;
  readonly cancel: CancelRule;
  /** How long other parts may be away before the step fails; {@link DEFAULT_OUTAGE_LIMIT_MS} when left out. */
  readonly outageLimitMs?: number;
  /** Answers what the operation's record shows; never a secret. */
  readonly run: (run: StepRun) => Promise<Readonly<Record<string, unknown>> | undefined>;
}
