import { openPool, parseDatabaseUrl } from "../../data/pool.ts";
import { parseSealKey, sealer } from "../../data/seal.ts";
import { readNotifyEnvironment } from "../../environment.ts";
import { openSenders } from "./channels/senders.ts";
import { runDispatcher } from "./process.ts";

/** How long one invocation sends; the schedule starts the next before it ends, and leases keep the two apart. */
const RUN_MS = 55_000;

const { catalogUrl, channelKey, notify } = readNotifyEnvironment();
const pool = openPool(parseDatabaseUrl(catalogUrl), {
  applicationName: "millwright-notify",
  max: 8,
  searchPath: "catalog",
});
const dispatcher = {
  pool,
  sealer: sealer(parseSealKey(channelKey)),
  senders: openSenders(pool, "refuse", notify),
};

/** Invoked every minute by a schedule: sends what the outbox holds and what comes meanwhile. */
export async function handler(): Promise<void> {
  await runDispatcher(dispatcher, AbortSignal.timeout(RUN_MS));
}
