import { setTimeout as delay } from "node:timers/promises";

/** Resolves after `ms`, or at once when `signal` aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => undefined);
}

/** Rejects when `signal` aborts: to race with work that knows no signal. */
export function abortOf(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const abort = () => reject(signal.reason as Error);
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  });
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
