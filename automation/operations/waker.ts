import { EventEmitter } from "node:events";

/** Tells who follows an operation that something happened to it. */
export class Waker {
  readonly #emitter = new EventEmitter().setMaxListeners(0); // as many as there are open event streams
  readonly #closed = new AbortController();

  wake(operation: string): void {
    this.#emitter.emit(operation);
  }

  /** Counts wakes from now on, so that one between a look at the catalog and the wait is not missed. */
  follow(operation: string): Following {
    let isAwake = false;
    let resolve: (() => void) | undefined;
    const onWake = () => {
      isAwake = true;
      resolve?.();
    };
    this.#emitter.on(operation, onWake);
    return {
      wait: async (limitMs, signal) => {
        const ended = AbortSignal.any([signal, this.#closed.signal]);
        if (!isAwake && !ended.aborted) {
          await new Promise<void>((done) => {
            const timer = setTimeout(done, limitMs);
            const finish = () => {
              clearTimeout(timer);
              done();
            };
            resolve = finish;
            ended.addEventListener("abort", finish, { once: true });
          });
        }
        isAwake = false;
        return !ended.aborted;
      },
      end: () => this.#emitter.off(operation, onWake),
    };
  }

  /** Ends every wait. */
  close(): void {
    this.#closed.abort();
  }
}

export interface Following {
  /** Resolves on a wake or after `limitMs`; false when the wait is over for good. */
  readonly wait: (limitMs: number, signal: AbortSignal) => Promise<boolean>;
  readonly end: () => void;
}
