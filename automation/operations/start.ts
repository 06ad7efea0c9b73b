import { removeOldIdempotencyKeys } from "../../data/catalog/idempotency-key.ts";
import { otherLeases, removeLease, renewLease } from "../../data/catalog/executor-lease.ts";
import { failGivenUp, markDispatched, undispatchedOperations } from "../../data/catalog/operation.ts";
import { listen } from "../../data/listen.ts";
import { problemOf } from "../../model/operation.ts";
import type { OperationDependencies } from "./dependencies.ts";
import { isKnownDead, newExecutor } from "./executor.ts";
import { OperationRunner } from "./operation-runner.ts";
import { OperationQueue } from "./queue.ts";
import { operationService, type OperationService } from "./service.ts";
import { Waker } from "./waker.ts";

/** Of the lease's 10 s: several renewals may fail before a peer takes over. Also how soon a dead process is noticed. */
const BEAT_MS = 1_000;
const HOUSEKEEPING_BEATS = 60;
/** A retry that came before the failed execution had left the queue. */
const DISPATCH_AGAIN_MS = 50;

export interface RunningOperations {
  readonly service: OperationService;
  /** Ends the engine's processes and gives up the lease. Operations in hand stay, and go on with the next start. */
  readonly close: () => Promise<void>;
}

/** Takes part in driving operations: those that wait, those that come, those that dead processes have left. */
export async function startOperations(deps: OperationDependencies): Promise<RunningOperations> {
  const { service: pool } = deps.catalog;
  const executor = newExecutor();
  // before the first operation is taken: whoever has one without a lease counts as dead
  await renewLease(pool, executor);
  const runner = new OperationRunner(deps, executor.id);
  const queue = await OperationQueue.launch(deps, executor.id, (operation) => runner.run(operation));
  const waker = new Waker();
  const stopping = new AbortController();
  const heard = (channel: string | undefined, operation: string) => {
    if (channel === "operation") waker.wake(operation);
    if (channel === "operation_cancel") void runner.hearCancel([operation]).catch(() => undefined); // the beat asks again
  };
  const listening = listen(pool, ["operation", "operation_cancel"], heard, stopping.signal);

  let timer: NodeJS.Timeout | undefined;
  let dispatching: Promise<void> = Promise.resolve();

  /** One after the other in this process, always oldest first: so a tenant's operations keep their order. */
  const dispatch = (): Promise<void> => {
    dispatching = dispatching.then(dispatchAll).catch((error: unknown) => {
      if (!stopping.signal.aborted)
        deps.logger.warn({ err: error }, "operations could not be queued; the next beat tries again");
    });
    return dispatching;
  };
  const dispatchAll = async () => {
    if (stopping.signal.aborted) return;
    for (const operation of await undispatchedOperations(pool)) {
      if (await queue.dispatch(operation)) await markDispatched(pool, operation.id, operation.attempt);
      else setTimeout(() => void dispatch(), DISPATCH_AGAIN_MS).unref();
    }
  };

  const recover = async () => {
    // Holders before leases: a lease is older than what its process holds, so a holder without one is dead.
    const holders = await queue.holders();
    const leases = await otherLeases(pool, executor.id);
    const dead = leases.filter((lease) => lease.isExpired || isKnownDead(lease));
    const live = new Set(leases.filter((lease) => !dead.includes(lease)).map(({ id }) => id)).add(
      executor.id,
    );
    const operationCount = await queue.recover([...holders.difference(live)]);
    if (operationCount > 0) deps.logger.warn({ operationCount }, "took over operations of dead processes");
    for (const { id } of dead) await removeLease(pool, id);
  };

  let beatCount = 0;
  const beat = async () => {
    await renewLease(pool, executor);
    await recover();
    await dispatch();
    await runner.hearCancel(runner.running);
    if (beatCount++ % HOUSEKEEPING_BEATS === 0) {
      await removeOldIdempotencyKeys(pool);
      const problem = problemOf(new Error("the queue gave up"));
      for (const operationId of await failGivenUp(pool, await queue.givenUp(), problem))
        deps.logger.error({ operationId }, "the queue has put the operation aside");
    }
  };
  let beating: Promise<void> = Promise.resolve();
  const keepBeating = (): Promise<void> => {
    beating = beat()
      .catch((error: unknown) => {
        if (!stopping.signal.aborted) deps.logger.warn({ err: error }, "operations: catalog not reachable");
      })
      .then(() => {
        if (!stopping.signal.aborted) timer = setTimeout(() => void keepBeating(), BEAT_MS);
      });
    return beating;
  };
  await keepBeating();

  return {
    service: operationService(deps, { waker, dispatch: () => void dispatch() }),
    async close() {
      stopping.abort();
      clearTimeout(timer);
      waker.close();
      await runner.stop();
      await listening;
      await Promise.all([beating, dispatching]);
      await queue.shutdown();
      await removeLease(pool, executor.id);
    },
  };
}
