import { openPool, parseDatabaseUrl } from "../../data/pool.ts";
import { readCatalogEnvironment } from "../../environment.ts";
import { runDispatcher } from "./process.ts";

/** How long one invocation sends; the schedule starts the next before it ends, and leases keep the two apart. */
const RUN_MS = 55_000;

const { catalogUrl } = readCatalogEnvironment();
const pool = openPool(parseDatabaseUrl(catalogUrl), {
  applicationName: "millwright-notify",
  max: 8,
  searchPath: "catalog",
});

/** Invoked every minute by a schedule: sends what the outbox holds and what comes meanwhile. */
export async function handler(): Promise<void> {
  await runDispatcher({ pool, privateWebhooks: "refuse" }, AbortSignal.timeout(RUN_MS));
}
