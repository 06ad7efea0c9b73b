/**
 * More than any program of ours says; a flood (a provider in a loop) must not fill the catalog. The operation's steps and
 * result do not depend on it.
 */
const MAX_LINES = 2_000;

/** Writes progress in order and in batches: while one is on its way, the next one gathers. */
export class ProgressLog {
  readonly #write: (payloads: readonly object[]) => Promise<void>;
  #waiting: object[] = [];
  #writing: Promise<void> | undefined;
  #lineCount = 0;

  /** @param write - an error of it loses the batch: progress is for the screen */
  constructor(write: (payloads: readonly object[]) => Promise<void>) {
    this.#write = write;
  }

  add(payload: object): void {
    if (this.#lineCount >= MAX_LINES) return;
    this.#lineCount += 1;
    this.#waiting.push(payload);
    this.#writing ??= this.#drain();
  }

  /** Resolves when everything that was added is written. */
  async flush(): Promise<void> {
    await this.#writing;
  }

  async #drain(): Promise<void> {
    await Promise.resolve(); // lets lines of the same moment join the batch
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      await this.#write(batch).catch(() => undefined);
    }
    this.#writing = undefined;
  }
}
