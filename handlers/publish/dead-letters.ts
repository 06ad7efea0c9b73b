import { randomUUID } from "node:crypto";
import type pg from "pg";
import { leaseLetterTopics, type LetterTopic } from "../../data/catalog/publication-lease.ts";
import { markExported, tenantsToExport, unexportedLetters } from "../../data/cell/dead-letter-export.ts";
import { shownLetter, type LetterContent } from "../../data/cell/kept-dead-letter.ts";
import { pause } from "../../data/wait.ts";
import {
  eventRecord,
  LEASE,
  POLL_MS,
  publishTopic,
  type Outbox,
  type PublisherDeps,
} from "./publish-topic.ts";

/** At most 90 kB each as JSON: some 2 MB in memory for a topic. */
const LETTERS_AT_ONCE = 20;

export interface LetterExportDeps extends PublisherDeps {
  /** Of the cell, as its ingest login. */
  readonly cell: pg.Pool;
}

/**
 * Exports what a cell cannot store to `TENANT.deadletters.gN`, as {@link runPublisher} publishes events, of the tenants
 * that are at home in the cell: a shadow keeps the same letters and says nothing. A letter has the same id in every
 * cell, so what a tenant's former and its new home both export is one letter for who drops known ids.
 */
export async function runLetterExport(deps: LetterExportDeps, signal: AbortSignal): Promise<void> {
  const { pool, cell, observe = {} } = deps;
  const holder = randomUUID();
  while (!signal.aborted) {
    let hasMore = false;
    try {
      const tenants = await tenantsToExport(cell);
      const topics = tenants.length === 0 ? [] : await leaseLetterTopics(pool, tenants, { holder, ...LEASE });
      const more = await Promise.all(
        topics.map((topic) => publishTopic(deps, topic, holder, letters(cell, topic))),
      );
      hasMore = topics.length === LEASE.limit || more.includes(true);
    } catch (error) {
      observe.onError?.(error);
    }
    if (!hasMore) await pause(POLL_MS, signal);
  }
}

function letters(cell: pg.Pool, topic: LetterTopic): Outbox<LetterContent> {
  return {
    stream: "deadletters",
    limit: LETTERS_AT_ONCE,
    oldest: (limit) => unexportedLetters(cell, topic.tenant, limit),
    recordOf: (content) => eventRecord(topic, 0, { tenant: topic.tenant, ...shownLetter(content) }),
    confirm: (exported) => markExported(cell, exported),
  };
}
