import { randomUUID } from "node:crypto";
import type pg from "pg";
import {
  ALERT_CHANGED,
  removeAlertEvents,
  unpublishedAlertEvents,
  type AlertEvent,
} from "../../data/catalog/alert-event.ts";
import {
  leaseTopics,
  releaseTopic,
  restTopic,
  type LeasedTopic,
} from "../../data/catalog/publication-lease.ts";
import {
  markSystemEventsPublished,
  SYSTEM_EVENT_ADDED,
  unpublishedSystemEvents,
  type SystemEvent,
} from "../../data/catalog/system-event.ts";
import type { EventLog, NewRecord } from "../../data/event-log/event-log.ts";
import { listen } from "../../data/listen.ts";
import { Bell, pause } from "../../data/wait.ts";
import { hasCode } from "../../model/errors.ts";
import { partitionOf } from "../../model/partition.ts";

/** Of the JSON in a record; grows when a reader of today could no longer understand it. */
const SCHEMA_VERSION = 1;
const POLL_MS = 1_000; // topics that rested, and leases of the dead, come back without anybody saying so
/** Topics at once. More would take the pool from engine and dispatcher, fewer let many small tenants wait in line. */
const TOPICS_AT_ONCE = 4;
/** Some 150 kB: well below what a broker takes in one request. */
const EVENTS_AT_ONCE = 100;
// Longer than an append that waits for its time-out, else two publish the same; a killed publisher's topics wait so long.
const LEASE_MS = 30_000;
/** After an append that failed: its topic is being made or dropped, or the log is away. */
const REST_MS = 2_000;

/** What is worth measuring; all optional. */
export interface PublishObserver {
  readonly onPublished?: (published: {
    readonly stream: "alerts" | "system";
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

/**
 * Publishes what happened to alerts (`TENANT.alerts.gN`) and to the platform (`system-events`) until `signal` aborts,
 * then ends with the topics in hand. An event is *waiting* from the commit of what happened; it is *in hand* while a
 * publisher has its topic's lease, and gone once the log has it. A publisher that is killed in between leaves events
 * that the next one appends again, under the same ids: at least once. A topic has one publisher at a time and each
 * machine one partition, so who drops known ids reads the events of a machine in their order.
 *
 * Nobody here reads these topics: what the platform says never comes back to it as an input.
 */
export async function runPublisher(deps: PublisherDeps, signal: AbortSignal): Promise<void> {
  const { pool, observe = {} } = deps;
  const holder = randomUUID();
  const bell = new Bell();
  const rouse = () => bell.ring();
  const listening = listen(pool, [ALERT_CHANGED, SYSTEM_EVENT_ADDED], rouse, signal);
  signal.addEventListener("abort", rouse);

  while (!signal.aborted) {
    try {
      const topics = await leaseTopics(pool, { holder, leaseMs: LEASE_MS, limit: TOPICS_AT_ONCE });
      const hasMore = await Promise.all(topics.map((topic) => publishTopic(deps, topic, holder)));
      if (topics.length === TOPICS_AT_ONCE || hasMore.includes(true)) rouse();
    } catch (error) {
      observe.onError?.(error);
      await pause(POLL_MS, signal);
    }
    await bell.wait(POLL_MS);
  }
  await listening;
}

/** Publishes the oldest events of one topic, and tells whether there may be more. */
async function publishTopic(
  { pool, log, observe = {} }: PublisherDeps,
  leased: LeasedTopic,
  holder: string,
): Promise<boolean> {
  const { topic, tenant } = leased;
  try {
    const events =
      tenant === null
        ? await unpublishedSystemEvents(pool, EVENTS_AT_ONCE)
        : await unpublishedAlertEvents(pool, tenant, EVENTS_AT_ONCE);
    await log.append(events.map((event) => recordOf(leased, event)));
    await (tenant === null ? markSystemEventsPublished(pool, events) : removeAlertEvents(pool, events));
    await releaseTopic(pool, topic, holder);
    observe.onPublished?.({ stream: tenant === null ? "system" : "alerts", count: events.length });
    return events.length === EVENTS_AT_ONCE;
  } catch (error) {
    // Where the topic is not there, its tenant comes or goes: no error, only not now.
    if (!hasCode(error, "topic-unknown")) observe.onError?.(error);
    await restTopic(pool, topic, { holder, restMs: REST_MS });
    return false;
  }
}

function recordOf({ topic, partitions }: LeasedTopic, event: SystemEvent | AlertEvent): NewRecord {
  return {
    topic,
    partition: "alert" in event ? partitionOf(event.alert.machineId, partitions) : 0,
    headers: { "content-type": "application/json", "event-id": event.id },
    value: Buffer.from(JSON.stringify({ schemaVersion: SCHEMA_VERSION, ...event })),
  };
}
