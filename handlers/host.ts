import { pino, type Logger } from "pino";
import * as z from "zod";
import { forgetBatches } from "../data/batch.ts";
import { openCatalog, type Catalog } from "../data/catalog/catalog.ts";
import { listCells } from "../data/catalog/cell.ts";
import { machineHistories } from "../data/catalog/machine-histories.ts";
import { removeOldSystemEvents } from "../data/catalog/system-event.ts";
import { topicsOfCell } from "../data/catalog/topic.ts";
import { openIngestPool } from "../data/cell/cell-pool.ts";
import { readCellSecret, requireCellSecret, type CellSecret } from "../data/cell/cell-secret.ts";
import { tidyCell } from "../data/cell/tidy-cell.ts";
import { openEmbeddedLog, type EmbeddedLog } from "../data/event-log/embedded-log.ts";
import { EMBEDDED_RETENTION } from "../data/event-log/retention.ts";
import { channelSealer } from "../data/seal.ts";
import type { EventLog } from "../data/event-log/event-log.ts";
import { openKafkaLog } from "../data/event-log/kafka/kafka-log.ts";
import { kafkaAddress, kafkaSecret, type KafkaSecret } from "../data/event-log/kafka/secret.ts";
import { openSecretStore } from "../data/open-secret-store.ts";
import type { SecretStore } from "../data/secret-store.ts";
import { pause } from "../data/wait.ts";
import { readSettings } from "../environment.ts";
import { MillwrightError } from "../model/errors.ts";
import { FLOOD } from "../model/incident.ts";
import { alertEngine } from "./alert/process.ts";
import { HostMetrics } from "./host-metrics.ts";
import { checkDeadLetters } from "./ingest/check-dead-letters.ts";
import { ingestSubscription } from "./ingest/subscription.ts";
import { tellStopped, type Stop } from "./ingest/tell-stopped.ts";
import { openSenders } from "./notify/channels/senders.ts";
import { runDispatcher } from "./notify/process.ts";
import { runLetterExport } from "./publish/dead-letters.ts";
import { runPublisher } from "./publish/process.ts";

/**
 * The one process that runs ingest, alert and notify locally; on AWS, where functions do that, what is left: timers,
 * publishing, exports, tidying. It is a child of the service: it ends when the pipe to its parent closes, so that a
 * killed service leaves no second host behind, and it can be killed itself at any moment.
 */

const CLIENT = "millwright-host"; // how databases and brokers name our connections
const CELL_CHECK_MS = 1_000; // so late is a new dedicated cell served, at most: well within the promised 2 s
const RETENTION_INTERVAL_MS = 60_000;
const TIDY_INTERVAL_MS = 3_600_000;
/** So late is an alarm of dead letters, at most; a look costs two counts over an index. */
const LETTER_CHECK_INTERVAL_MS = 30_000;

const catalogSecret = z.object({
  host: z.string(),
  port: z.number(),
  database: z.string(),
  app: z.string(),
  service: z.string(),
  log: z.string(),
  tls: z.strictObject({ ca: z.string().optional() }).optional(),
});

interface HostContext {
  readonly secrets: SecretStore;
  readonly catalog: Catalog;
  readonly log: EventLog;
  readonly metrics: HostMetrics;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Functions of Lambda store, evaluate and send; this process does what takes one that runs all the time. */
  readonly isBesideFunctions: boolean;
}

async function main(): Promise<void> {
  const settings = readSettings();
  const logger = pino({ level: settings.logLevel, base: { process: "host" } }, pino.destination(2));
  const stopping = new AbortController();
  for (const event of ["disconnect", "SIGTERM", "SIGINT"] as const)
    process.once(event, () => stopping.abort());

  const secrets = await openSecretStore(settings.home, settings.aws);
  const access = catalogSecret.parse(await secrets.get("catalog"));
  const metrics = new HostMetrics();
  const catalog = openCatalog(access, access, CLIENT);
  const kafka = kafkaSecret.optional().parse(await secrets.get("kafka"));
  const log = openLog(access, kafka, (error, group) => {
    metrics.failed(group);
    logger.warn({ group, error: String(error) }, "a batch was not taken and is tried again");
  });
  metrics.watch(log);
  const isBesideFunctions = settings.aws !== undefined;
  const context: HostContext = {
    ...{ secrets, catalog, log, metrics, logger, signal: stopping.signal, isBesideFunctions },
  };

  const flood = { ...FLOOD, alertCount: settings.floodAlertCount };
  const alerts = alertEngine({ pool: catalog.service, log, flood, observe: metrics.alerts });
  const dispatcher = {
    pool: catalog.service,
    sealer: await channelSealer(secrets),
    senders: openSenders(catalog.service, settings.privateWebhooks, settings.notify),
    observe: metrics.notifications,
  };
  const work = [
    serveCells(context),
    alerts.runTimers(stopping.signal),
    ...(isBesideFunctions
      ? []
      : [log.consume(alerts.subscription, stopping.signal), runDispatcher(dispatcher, stopping.signal)]),
    runPublisher({ pool: catalog.service, log, observe: metrics.publications }, stopping.signal),
    ...("trim" in log ? [keepRetention(log, context)] : []), // Kafka keeps its topics' retention itself
    tidyCatalog(context),
  ];
  process.on("message", (message) => {
    if ((message as { kind?: string }).kind === "metrics")
      void metrics.text().then((text) => process.send?.({ kind: "metrics", text }));
  });
  process.send?.({ kind: "ready" });
  await Promise.all(work);
  await Promise.all([log.close(), catalog.close()]);
}

function openLog(
  access: z.infer<typeof catalogSecret>,
  kafka: KafkaSecret | undefined,
  onError: (error: unknown, group: string) => void,
): EmbeddedLog | EventLog {
  if (kafka === undefined) return openEmbeddedLog(access, access.log, CLIENT, onError);
  const { replicationFactor } = kafka;
  return openKafkaLog(kafkaAddress(kafka), { clientId: CLIENT, replicationFactor, onError });
}

/** Runs one consumer for each cell whose secret is there; cells come with tenants and go with them. */
async function serveCells(context: HostContext): Promise<void> {
  const { catalog, secrets, logger, signal } = context;
  const consumers = new Map<string, { readonly stop: AbortController; readonly done: Promise<void> }>();
  while (!signal.aborted) {
    const cells = await listCells(catalog.service).catch((error: unknown) => {
      logger.warn({ error: String(error) }, "cells cannot be listed; the ones known are served on");
      return undefined;
    });
    for (const { name } of cells ?? []) {
      if (consumers.has(name)) continue;
      const secret = await readCellSecret(secrets, name);
      if (secret === undefined) continue; // being built
      const stop = new AbortController();
      consumers.set(name, {
        stop,
        done: consumeCell(context, name, secret, AbortSignal.any([signal, stop.signal])),
      });
    }
    for (const [name, consumer] of consumers) {
      if (cells === undefined || cells.some((cell) => cell.name === name)) continue;
      consumer.stop.abort();
      consumers.delete(name);
    }
    await pause(CELL_CHECK_MS, signal);
  }
  await Promise.all([...consumers.values()].map(({ done }) => done));
}

async function consumeCell(
  { secrets, catalog, log, metrics, logger, isBesideFunctions }: HostContext,
  cell: string,
  secret: CellSecret,
  signal: AbortSignal,
): Promise<void> {
  const secretNow = () => requireCellSecret(secrets, cell);
  const pool = openIngestPool(secret, "millwright-ingest", async () => (await secretNow()).ingest.password);
  const tell = (stop: Stop) =>
    void tellStopped(catalog.service, stop, Date.now()).catch((error: unknown) =>
      logger.warn({ cell, error: String(error) }, "a stop of ingestion was not recorded"),
    );
  const subscription = ingestSubscription({
    cell,
    pool,
    topics: () => topicsOfCell(catalog.service, cell),
    machines: machineHistories(catalog.service),
    now: Date.now,
    alarm: (alarm) => {
      metrics.alarm(cell);
      logger.error({ cell, ...alarm }, "ingestion of a tenant stands still");
      tell({ cell, ...alarm });
    },
    outOfRange: ({ tenant, topic, partition, offset }, { start, end }) => {
      metrics.alarm(cell);
      const range = { start: String(start), end: String(end) };
      logger.error(
        { cell, tenant, topic, partition, offset: String(offset), ...range },
        "the stored position is outside the log",
      );
      const error = new MillwrightError("offset-out-of-range", "The stored position is outside the log.");
      tell({ cell, tenant, topic, partition, error });
    },
    stored: (outcome) => metrics.stored(cell, outcome),
  });
  const tidying = every(TIDY_INTERVAL_MS, signal, async () => {
    try {
      metrics.tidied(cell, await tidyCell(await secretNow()));
    } catch (error) {
      logger.warn({ cell, error: String(error) }, "the cell was not tidied");
    }
  });
  const checking = every(LETTER_CHECK_INTERVAL_MS, signal, async () => {
    try {
      const { load, changes } = await checkDeadLetters({ cell, pool, catalog: catalog.service });
      metrics.openLetters(cell, load);
      for (const { change, tenant, recentCount, openCount } of changes) {
        const facts = { cell, tenantId: tenant, recentCount, openCount };
        if (change === "raised") logger.error(facts, "dead letters of a tenant grow");
        else logger.info(facts, "dead letters of a tenant grow no more");
      }
    } catch (error) {
      logger.warn({ cell, error: String(error) }, "dead letters were not counted");
    }
  });
  const exporting = runLetterExport(
    { pool: catalog.service, cell: pool, log, observe: metrics.publications },
    signal,
  );
  const ingesting = isBesideFunctions ? [] : [log.consume(subscription, signal)];
  await Promise.all([...ingesting, tidying, checking, exporting]);
  await pool.end();
}

async function keepRetention(log: EmbeddedLog, { logger, signal }: HostContext): Promise<void> {
  await every(RETENTION_INTERVAL_MS, signal, async () => {
    await log
      .trim(EMBEDDED_RETENTION)
      .catch((error: unknown) => logger.warn({ error: String(error) }, "the log was not trimmed"));
  });
}

async function tidyCatalog({ catalog, logger, signal }: HostContext): Promise<void> {
  await every(TIDY_INTERVAL_MS, signal, async () => {
    try {
      await forgetBatches(catalog.service, "catalog.alert_batch");
      await removeOldSystemEvents(catalog.service);
    } catch (error) {
      logger.warn({ error: String(error) }, "the catalog was not tidied");
    }
  });
}

/** Waits first: a start has better things to do. */
async function every(intervalMs: number, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  for (;;) {
    await pause(intervalMs, signal);
    if (signal.aborted) return;
    await work();
  }
}

await main();
