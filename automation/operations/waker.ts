import { EventEmitter } from "node:events";
import { Bell } from "../../data/wait.ts";

/** Tells who follows an operation that something happened to it. */
export class Waker {
  readonly #emitter = new EventEmitter().setMaxListeners(0); // as many as there are open event streams
  readonly #closed = new AbortController();

  wake(operation: string): void {
    this.#emitter.emit(operation);
  }

  /** Counts wakes from now on, so that one between a look at the catalog and the wait is not missed. */
  follow(operation: string, signal: AbortSignal): Following {
    const bell = new Bell();
    const ring = () => bell.ring();
    const over = AbortSignal.any([signal, this.#closed.signal]);
    this.#emitter.on(operation, ring);
    over.addEventListener("abort", ring);
    return {
      wait: async (limitMs) => {
        if (!over.aborted) await bell.wait(limitMs);
        return !over.aborted;
      },
      end: () => {
        this.#emitter.off(operation, ring);
        over.removeEventListener("abort", ring);
      },
    };
  }

  /** Ends every wait. */
  close(): void {
    this.#closed.abort();
  }
}

interface Following {
  /** Resolves on a wake or after `limitMs`; false when the wait is over for good. */
  readonly wait: (limitMs: number) => Promise<boolean>;
  readonly end: () => void;
}
