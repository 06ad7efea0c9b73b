import { setTimeout as delay } from "node:timers/promises";
import { MillwrightError } from "../model/errors.ts";

/** Resolves after `ms`, or at once when `signal` aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => undefined);
}

/** What goes on until it is stopped. */
export interface Repeated {
  /** Resolves when the turn that is under way has ended. */
  readonly stop: () => Promise<void>;
}

/** Runs `work` at once, and again so long after it has ended. @param work - tells its errors by itself */
export function repeat(everyMs: number, work: () => Promise<void>): Repeated {
  const stopping = new AbortController();
  const repeating = (async () => {
    while (!stopping.signal.aborted) {
      await work();
      await pause(everyMs, stopping.signal);
    }
  })();
  return {
    async stop() {
      stopping.abort();
      await repeating;
    },
  };
}

/** Rejects when `signal` aborts: to race with work that knows no signal. */
export function abortOf(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const abort = () => reject(signal.reason as Error);
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  });
}

/**
 * What `work` answers within `limitMs`; later it goes on, and nobody hears of it.
 * @throws MillwrightError `database-unavailable` (retryable)
 */
export async function within<T>(limitMs: number, work: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const message = `There was no answer within ${limitMs / 1_000} s.`;
  const giveUp = () => reject(new MillwrightError("database-unavailable", message, { retryable: true }));
  const timer = setTimeout(giveUp, limitMs);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A bell that is not missed: ringing it before anybody waits ends the next wait at once. */
export class Bell {
  #isRung = false;
  #end: () => void = () => undefined;

  ring(): void {
    this.#isRung = true;
    this.#end();
  }

  /** Resolves when the bell rings, at the latest after `limitMs`. */
  async wait(limitMs: number): Promise<void> {
    if (!this.#isRung) {
      const { promise, resolve }: PromiseWithResolvers<void> = Promise.withResolvers();
      this.#end = resolve;
      const timer = setTimeout(resolve, limitMs);
      await promise;
      clearTimeout(timer);
    }
    this.#isRung = false;
  }
}
