import type pg from "pg";

/** The channel on which consumers hear of new records; the payload is a list of topics, empty for "look everywhere". */
export const LOG_APPENDED = "log_appended";

// Wake-ups of one process are at least this far apart. 0: NOTIFY takes a database-wide lock at each commit and halves
// the rate of appends. 50: half a promise of alert latency is spent waiting.
const MIN_GAP_MS = 3;
const MAX_PAYLOAD_BYTES = 7_900; // PostgreSQL refuses 8000

/** Tells consumers in all processes which topics have new records, coalesced and outside the appends. */
export class Announcer {
  readonly #pool: pg.Pool;
  readonly #topics = new Set<string>();
  #sending: Promise<void> | undefined;

  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  announce(topics: Iterable<string>): void {
    for (const topic of topics) this.#topics.add(topic);
    if (this.#topics.size > 0) this.#sending ??= this.#send();
  }

  async idle(): Promise<void> {
    await this.#sending;
  }

  async #send(): Promise<void> {
    while (this.#topics.size > 0) {
      const list = [...this.#topics].join(",");
      this.#topics.clear();
      // A commit with a NOTIFY writes WAL; nobody needs that on disk. A lost wake-up is found by the consumers' poll.
      await this.#pool
        .query("select set_config('synchronous_commit', 'off', true), pg_notify($1, $2)", [
          LOG_APPENDED,
          list.length > MAX_PAYLOAD_BYTES ? "" : list,
        ])
        .catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, MIN_GAP_MS));
    }
    this.#sending = undefined;
  }
}
