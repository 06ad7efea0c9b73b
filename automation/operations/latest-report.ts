import { setTimeout as delay } from "node:timers/promises";

/** Often enough for a person who looks, seldom enough for the catalog. */
const INTERVAL_MS = 1_000;

/** Writes the latest of many reports, at most one a second. */
export class LatestReport {
  readonly #write: (detail: object) => Promise<void>;
  #latest: object | undefined;
  #writing: Promise<void> | undefined;
  readonly #end = new AbortController();

  /** @param write - an error of it loses the report: the next one says more */
  constructor(write: (detail: object) => Promise<void>) {
    this.#write = write;
  }

  add(detail: object): void {
    this.#latest = detail;
    this.#writing ??= this.#drain();
  }

  /** Resolves when the last report is written. */
  async end(): Promise<void> {
    this.#end.abort();
    await this.#writing;
  }

  async #drain(): Promise<void> {
    while (this.#latest !== undefined) {
      const detail = this.#latest;
      this.#latest = undefined;
      await this.#write(detail).catch(() => undefined);
      await delay(INTERVAL_MS, undefined, { signal: this.#end.signal }).catch(() => undefined);
    }
    this.#writing = undefined;
  }
}
