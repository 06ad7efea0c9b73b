import type { Catalog } from "../../data/catalog/catalog.ts";
import { addTopic, missingEventTopics } from "../../data/catalog/placement.ts";
import type { EventLog } from "../../data/event-log/event-log.ts";
import { SYSTEM_EVENTS_TOPIC } from "../../model/system-event.ts";
import { LOG_RETENTION_MS } from "../../model/tenant-log.ts";

const SETTINGS = { retentionMs: LOG_RETENTION_MS };

/**
 * Makes the topics of events that no create operation makes: the platform's own, and those of tenants that are older
 * than a stream of theirs. Before operations run, so that none of these tenants is being deleted meanwhile.
 */
export async function prepareEventTopics(
  catalog: Catalog,
  log: Pick<EventLog, "createTopic">,
): Promise<void> {
  await log.createTopic(SYSTEM_EVENTS_TOPIC, 1, SETTINGS);
  for (const missing of await missingEventTopics(catalog.service)) {
    await log.createTopic(missing.topic, missing.partitions, SETTINGS); // first: a row says that the topic is there
    await addTopic(catalog.service, missing);
  }
}
