import type pg from "pg";
import { releaseTopic, restTopic, type LeasedTopic } from "../../data/catalog/publication-lease.ts";
import type { EventLog, NewRecord } from "../../data/event-log/event-log.ts";
import { hasCode } from "../../model/errors.ts";
import type { EVENT_STREAMS } from "../../model/tenant.ts";

/** Of the JSON in a record; grows when a reader of today could no longer understand it. */
const SCHEMA_VERSION = 1;
// Longer than an append that waits for its time-out, else two publish the same; a killed publisher's topics wait so long.
const LEASE_MS = 30_000;
/** Topics at once. More would take the pool from engine and dispatcher, fewer let many small tenants wait in line. */
const TOPICS_AT_ONCE = 4;
/** After an append that failed: its topic is being made or dropped, or the log is away. */
const REST_MS = 2_000;

/** What a publisher asks for. */
export const LEASE = { leaseMs: LEASE_MS, limit: TOPICS_AT_ONCE };
/** Topics that rested, and leases of the dead, come back without anybody saying so. */
export const POLL_MS = 1_000;

/** What is worth measuring; all optional. */
export interface PublishObserver {
  readonly onPublished?: (published: {
    readonly stream: (typeof EVENT_STREAMS)[number] | "system";
    readonly count: number;
  }) => void;
  readonly onError?: (error: unknown) => void;
}

export interface PublisherDeps {
  /** The catalog, as its service role. */
  readonly pool: pg.Pool;
  readonly log: Pick<EventLog, "append">;
  readonly observe?: PublishObserver;
}

/** Where the events of one topic wait. */
export interface Outbox<Event> {
  readonly stream: (typeof EVENT_STREAMS)[number] | "system";
  readonly limit: number;
  /** Not yet published, oldest first. */
  readonly oldest: (limit: number) => Promise<readonly Event[]>;
  readonly recordOf: (event: Event) => NewRecord;
  /** They are in the log. */
  readonly confirm: (events: readonly Event[]) => Promise<void>;
}

/** Publishes the oldest events of a topic that `holder` has leased, and tells whether there may be more. */
export async function publishTopic<Event>(
  { pool, log, observe = {} }: PublisherDeps,
  { topic }: LeasedTopic,
  holder: string,
  { stream, limit, oldest, recordOf, confirm }: Outbox<Event>,
): Promise<boolean> {
  try {
    const events = await oldest(limit);
    await log.append(events.map(recordOf));
    await confirm(events);
    await releaseTopic(pool, topic, holder);
    observe.onPublished?.({ stream, count: events.length });
    return events.length === limit;
  } catch (error) {
    // Where the topic is not there, its tenant comes or goes: no error, only not now.
    if (!hasCode(error, "topic-unknown")) observe.onError?.(error);
    await restTopic(pool, topic, { holder, restMs: REST_MS });
    return false;
  }
}

/** An event as a record of its topic. @param id - the same however often it is published */
export function eventRecord(
  { topic }: LeasedTopic,
  partition: number,
  event: { readonly id: string; readonly tenant: string | null },
): NewRecord {
  return {
    ...{ topic, partition },
    headers: { "content-type": "application/json", "event-id": event.id },
    value: Buffer.from(JSON.stringify({ schemaVersion: SCHEMA_VERSION, ...event })),
  };
}
