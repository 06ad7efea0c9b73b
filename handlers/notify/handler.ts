import { readAwsSecret } from "../../data/aws/secrets-manager.ts";
import { parseDatabaseSecret } from "../../data/database-secret.ts";
import { openPool } from "../../data/pool.ts";
import { parseSealKey, sealer } from "../../data/seal.ts";
import { readNotifyEnvironment } from "../../function-environment.ts";
import { publishMetric } from "../embedded-metric.ts";
import { openedBySecrets } from "../opened-by-secrets.ts";
import { openSenders } from "./channels/senders.ts";
import { runDispatcher } from "./process.ts";
import type { NotifyObserver } from "./try-delivery.ts";

/** How long one invocation sends; the schedule starts the next before it ends, and leases keep the two apart. */
const RUN_MS = 55_000;
/** What the tries in hand get to end before the function's time is up. */
const END_MS = 5_000;

const { catalogSecret, channelKeySecret, secretsManager, notify } = readNotifyEnvironment();

const withDispatcher = openedBySecrets(async () => {
  const [login, key] = await Promise.all([
    readAwsSecret(secretsManager, catalogSecret),
    readAwsSecret(secretsManager, channelKeySecret),
  ]);
  const pool = openPool(parseDatabaseSecret("CATALOG_SECRET", login), {
    applicationName: "millwright-notify",
    max: 8,
    searchPath: "catalog",
  });
  return {
    dispatcher: {
      pool,
      sealer: sealer(parseSealKey(key)),
      senders: openSenders(pool, "refuse", notify),
      observe: { onNotified: publishLatency },
    },
    close: () => pool.end(),
  };
});

const publishLatency: Required<NotifyObserver>["onNotified"] = ({ tenant, latencyMs: { total } }) => {
  if (total === null) return;
  const dimensions = { Tenant: tenant };
  publishMetric({ name: "AlertLatency", unit: "Milliseconds", value: total, dimensions });
};

/** What a function is told of its invocation. */
interface InvocationContext {
  readonly getRemainingTimeInMillis: () => number;
}

/** Invoked every minute by a schedule: sends what the outbox holds and what comes meanwhile. */
export async function handler(_event: unknown, context: InvocationContext): Promise<void> {
  await withDispatcher(async ({ dispatcher }) => {
    await dispatcher.pool.query("select"); // the dispatcher retries what fails: a refused login must be seen here
    const runMs = Math.min(RUN_MS, context.getRemainingTimeInMillis() - END_MS);
    await runDispatcher(dispatcher, AbortSignal.timeout(Math.max(runMs, 0)));
  });
}
