import { readAwsSecret } from "../../data/aws/secrets-manager.ts";
import { machineHistories } from "../../data/catalog/machine-histories.ts";
import { topicsOfCell } from "../../data/catalog/topic.ts";
import { parseDatabaseSecret } from "../../data/database-secret.ts";
import { openPool } from "../../data/pool.ts";
import { readIngestEnvironment } from "../../function-environment.ts";
import { publishMetric } from "../embedded-metric.ts";
import { openedBySecrets } from "../opened-by-secrets.ts";
import { deliver } from "./deliver.ts";
import { gapLog } from "./gap-log.ts";
import { logRecordsOf, type MskEvent } from "./msk-event.ts";
import { ingestSubscription } from "./subscription.ts";

const APPLICATION = "millwright-ingest";
const { cell, cellSecret, catalogSecret, secretsManager, kafka } = readIngestEnvironment();
const log = gapLog(kafka, APPLICATION);

const withSubscription = openedBySecrets(async () => {
  const [cellLogin, catalogLogin] = await Promise.all([
    readAwsSecret(secretsManager, cellSecret),
    readAwsSecret(secretsManager, catalogSecret),
  ]);
  const pool = openPool(parseDatabaseSecret("CELL_SECRET", cellLogin), {
    applicationName: APPLICATION,
    max: 2,
  });
  const catalog = openPool(parseDatabaseSecret("CATALOG_SECRET", catalogLogin), {
    applicationName: APPLICATION,
    max: 1,
    searchPath: "catalog",
  });
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
    stored: ({ deadLetterCount }) => {
      if (deadLetterCount > 0)
        publishMetric({
          name: "DeadLetters",
          unit: "Count",
          value: deadLetterCount,
          dimensions: { Cell: cell },
        });
    },
  });
  const close = async () => {
    await Promise.all([pool.end(), catalog.end()]);
  };
  return { subscription, close };
});

/** Invoked by the event source of each topic whose tenants are in the cell. */
export async function handler(event: MskEvent): Promise<void> {
  await withSubscription(async ({ subscription }) => {
    await subscription.topics(); // placements and epochs of this delivery
    await deliver(log, subscription, logRecordsOf(event));
  });
}
