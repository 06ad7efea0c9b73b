import { setTimeout as delay } from "node:timers/promises";
import { isOutage } from "../../data/pool.ts";

const MAX_PAUSE_MS = 2_000;

/**
 * Whether this process still drives operations. One that is stopping records nothing more: what it leaves is what a kill
 * would leave, and the next owner goes on from there.
 */
export class Life {
  readonly #stop = new AbortController();

  /** Aborts when the process stops. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  end(): void {
    this.#stop.abort();
  }

  /** Never resolves once the process stops; otherwise at once. */
  async orParked(): Promise<void> {
    if (this.#stop.signal.aborted) await new Promise(() => undefined);
  }

  /** The catalog may restart under us: what has to be written is written when it is back. `work` may run twice. */
  async persist<T>(work: () => Promise<T>): Promise<T> {
    for (let pauseMs = 50; ; pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS)) {
      await this.orParked();
      try {
        return await work();
      } catch (error) {
        await this.orParked();
        if (!isOutage(error)) throw error;
        await delay(pauseMs);
      }
    }
  }
}
