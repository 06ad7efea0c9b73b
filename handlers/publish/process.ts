import { randomUUID } from "node:crypto";
import type pg from "pg";
import {
  ALERT_CHANGED,
  removeAlertEvents,
  unpublishedAlertEvents,
  type AlertEvent,
} from "../../data/catalog/alert-event.ts";
import { leaseTopics, type LeasedTopic } from "../../data/catalog/publication-lease.ts";
import {
  markSystemEventsPublished,
  SYSTEM_EVENT_ADDED,
  unpublishedSystemEvents,
  type SystemEvent,
} from "../../data/catalog/system-event.ts";
import { listen } from "../../data/listen.ts";
import { Bell, pause } from "../../data/wait.ts";
import { partitionOf } from "../../model/partition.ts";
import {
  eventRecord,
  LEASE,
  POLL_MS,
  publishTopic,
  type Outbox,
  type PublisherDeps,
} from "./publish-topic.ts";

/** Some 150 kB: well below what a broker takes in one request. */
const EVENTS_AT_ONCE = 100;

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
      const topics = await leaseTopics(pool, { holder, ...LEASE });
      const hasMore = await Promise.all(
        topics.map((topic) =>
          topic.tenant === null
            ? publishTopic(deps, topic, holder, systemEvents(pool, topic))
            : publishTopic(deps, topic, holder, alertEvents(pool, topic, topic.tenant)),
        ),
      );
      if (topics.length === LEASE.limit || hasMore.includes(true)) rouse();
    } catch (error) {
      observe.onError?.(error);
      await pause(POLL_MS, signal);
    }
    await bell.wait(POLL_MS);
  }
  await listening;
}

function systemEvents(pool: pg.Pool, topic: LeasedTopic): Outbox<SystemEvent> {
  return {
    stream: "system",
    limit: EVENTS_AT_ONCE,
    oldest: (limit) => unpublishedSystemEvents(pool, limit),
    recordOf: (event) => eventRecord(topic, 0, event),
    confirm: (events) => markSystemEventsPublished(pool, events),
  };
}

function alertEvents(pool: pg.Pool, topic: LeasedTopic, tenant: string): Outbox<AlertEvent> {
  return {
    stream: "alerts",
    limit: EVENTS_AT_ONCE,
    oldest: (limit) => unpublishedAlertEvents(pool, tenant, limit),
    recordOf: (event) => eventRecord(topic, partitionOf(event.alert.machineId, topic.partitions), event),
    confirm: (events) => removeAlertEvents(pool, events),
  };
}
