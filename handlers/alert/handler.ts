import { readAwsSecret } from "../../data/aws/secrets-manager.ts";
import { parseDatabaseSecret } from "../../data/database-secret.ts";
import { openPool } from "../../data/pool.ts";
import { readAlertEnvironment } from "../../function-environment.ts";
import { MillwrightError } from "../../model/errors.ts";
import { deliver } from "../ingest/deliver.ts";
import { gapLog } from "../ingest/gap-log.ts";
import { logRecordsOf, type MskEvent } from "../ingest/msk-event.ts";
import { openedBySecrets } from "../opened-by-secrets.ts";
import { alertEngine } from "./process.ts";

const APPLICATION = "millwright-alert";
const { catalogSecret, secretsManager, kafka } = readAlertEnvironment();
const log = gapLog(kafka, APPLICATION);
// An event source shows no horizon, so no timer runs here: the host process ends the delays of machines that send no
// more and finds the silent ones; where it does not run, their next reading does.
const horizon = () =>
  Promise.reject(new MillwrightError("log-unavailable", "A function cannot see the end of the log."));

const withEngine = openedBySecrets(async () => {
  const login = parseDatabaseSecret("CATALOG_SECRET", await readAwsSecret(secretsManager, catalogSecret));
  const pool = openPool(login, { applicationName: APPLICATION, max: 2, searchPath: "catalog" });
  return { ...alertEngine({ pool, log: { horizon } }), close: () => pool.end() };
});

/** Invoked by the event source of each topic of readings. */
export async function handler(event: MskEvent): Promise<void> {
  await withEngine(({ subscription }) => deliver(log, subscription, logRecordsOf(event)));
}
