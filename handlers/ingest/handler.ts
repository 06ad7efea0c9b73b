import { machineHistories } from "../../data/catalog/machine-histories.ts";
import { topicsOfCell } from "../../data/catalog/topic.ts";
import { openPool, parseDatabaseUrl } from "../../data/pool.ts";
import { readIngestEnvironment } from "../../environment.ts";
import { deliver } from "./deliver.ts";
import { gapLog } from "./gap-log.ts";
import { logRecordsOf, type MskEvent } from "./msk-event.ts";
import { ingestSubscription } from "./subscription.ts";

const { cell, databaseUrl, catalogUrl, kafka } = readIngestEnvironment();
const pool = openPool(parseDatabaseUrl(databaseUrl), {
  applicationName: "millwright-ingest",
  max: 2,
});
const catalog = openPool(parseDatabaseUrl(catalogUrl), {
  applicationName: "millwright-ingest",
  max: 1,
  searchPath: "catalog",
});

const log = gapLog(kafka, "millwright-ingest");
const subscription = ingestSubscription({
  cell,
  pool,
  topics: () => topicsOfCell(catalog, cell),
  machines: machineHistories(catalog),
  now: Date.now,
  // console is what Lambda records; the tenant's name and the cause are all that an operator needs first
  alarm: ({ tenant, error }) => {
    console.error(
      JSON.stringify({ level: "error", event: "ingest-stopped", tenantId: tenant, error: String(error) }),
    );
  },
  outOfRange: () => undefined, // nobody seeks here: `deliver` throws
  stored: () => undefined,
});

export async function handler(event: MskEvent): Promise<void> {
  await subscription.topics(); // placements and epochs of this delivery
  await deliver(log, subscription, logRecordsOf(event));
}
