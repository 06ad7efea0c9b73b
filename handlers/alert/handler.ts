import { openPool, parseDatabaseUrl } from "../../data/pool.ts";
import { readAlertEnvironment } from "../../environment.ts";
import { MillwrightError } from "../../model/errors.ts";
import { deliver } from "../ingest/deliver.ts";
import { gapLog } from "../ingest/gap-log.ts";
import { logRecordsOf, type MskEvent } from "../ingest/msk-event.ts";
import { alertEngine } from "./process.ts";

const { catalogUrl, kafka } = readAlertEnvironment();
const pool = openPool(parseDatabaseUrl(catalogUrl), {
  applicationName: "millwright-alert",
  max: 2,
  searchPath: "catalog",
});
// An event source shows no horizon, so no timer runs here: the host process ends the delays of machines that send no
// more and finds the silent ones; where it does not run, their next reading does.
const horizon = () =>
  Promise.reject(new MillwrightError("log-unavailable", "A function cannot see the end of the log."));
const log = gapLog(kafka, "millwright-alert");
const { subscription } = alertEngine({ pool, log: { horizon } });

export async function handler(event: MskEvent): Promise<void> {
  await deliver(log, subscription, logRecordsOf(event));
}
