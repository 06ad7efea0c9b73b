import { beginStep, endStep, reportStep } from "../../data/catalog/ownership.ts";
import { isOutage } from "../../data/pool.ts";
import { pause } from "../../data/wait.ts";
import { hasCode, MillwrightError, type ErrorCode } from "../../model/errors.ts";
import { problemOf, type Problem } from "../../model/operation.ts";
import type { Life } from "./life.ts";
import { LatestReport } from "./latest-report.ts";
import { DEFAULT_OUTAGE_LIMIT_MS, type OperationRun, type Step } from "./steps/step.ts";

/** How a step ended. Kept by the queue, so a recovery reads it instead of running the step again. */
export type StepEnd =
  | { readonly end: "succeeded" }
  | { readonly end: "cancelled" }
  /** `attempt` of the operation: a retry knows by it whether this end is the one it is about */
  | { readonly end: "failed"; readonly attempt: number; readonly problem: Problem };

/** Something else was away for a moment: worth another try before a person is asked. */
const RETRIED: ReadonlySet<ErrorCode> = new Set([
  ...(["stack-locked", "log-unavailable", "database-unavailable", "entrance-unavailable"] as const),
]);
const FIRST_PAUSE_MS = 250;
const MAX_PAUSE_MS = 4_000;

/**
 * Runs one step to its end and records that, for the eyes of people, in the catalog.
 * @throws MillwrightError `operation-fenced` when another process has taken over; then nothing was recorded
 */
export async function runStep(run: OperationRun, step: Step, ordinal: number, life: Life): Promise<StepEnd> {
  const { owned, deps, progress } = run;
  const { service } = deps.catalog;
  const { name, cancel, outageLimitMs = DEFAULT_OUTAGE_LIMIT_MS } = step;
  const record = (status: "succeeded" | "failed" | "cancelled", detail?: object) =>
    life.persist(() => endStep(service, owned, { name, status, detail }));

  if (!(await life.persist(() => beginStep(service, owned, { name, ordinal, cancel })))) {
    return { end: "cancelled" };
  }
  let pausedMs = 0;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(4 * pauseMs, MAX_PAUSE_MS)) {
    const reports = new LatestReport((detail) => reportStep(service, owned, { name, detail }));
    try {
      await deps.onStep?.(name, "before");
      const detail = await step.run({ ...run, report: (shown) => reports.add(shown) });
      await Promise.all([progress.flush(), reports.end()]);
      await deps.onStep?.(name, "after");
      await record("succeeded", detail);
      return { end: "succeeded" };
    } catch (error) {
      await life.orParked();
      if (hasCode(error, "operation-fenced")) throw error;
      await Promise.all([progress.flush(), reports.end()]);
      if (run.signal.aborted) {
        await record("cancelled");
        return { end: "cancelled" };
      }
      const { operation: operationId, tenant: tenantId } = owned;
      if (pausedMs + pauseMs <= outageLimitMs && isWorthAnotherTry(error)) {
        deps.logger.warn({ operationId, tenantId, step: name, err: error, pauseMs }, "step is tried again");
        await pause(pauseMs, run.signal); // a request to cancel, or the end of the process, ends it
        pausedMs += pauseMs;
        continue;
      }
      deps.logger.error({ operationId, tenantId, step: name, err: error }, "step failed");
      const problem = problemOf(error);
      await record("failed", { code: problem.code });
      return { end: "failed", attempt: owned.attempt, problem };
    }
  }
}

function isWorthAnotherTry(error: unknown): boolean {
  return error instanceof MillwrightError ? RETRIED.has(error.code) : isOutage(error);
}
