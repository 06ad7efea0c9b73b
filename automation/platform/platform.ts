import { rm } from "node:fs/promises";
import { createServer } from "node:net";
import path from "node:path";
import { pino, type Logger } from "pino";
import { collectDefaultMetrics, Registry } from "prom-client";
import { MachineAuthority } from "../../data/aws/machine-authority.ts";
import { sealChannels } from "../../data/catalog/channel.ts";
import { openCatalog, type Catalog } from "../../data/catalog/catalog.ts";
import { listCells, registerCell } from "../../data/catalog/cell.ts";
import { cellAddress, readCellSecret, requireCellSecret } from "../../data/cell/cell-secret.ts";
import { dropTenantRows, prepareCell, prepareTenant } from "../../data/cell/prepare-cell.ts";
import { openEmbeddedLog, prepareEmbeddedLog } from "../../data/event-log/embedded-log.ts";
import type { EventLog } from "../../data/event-log/event-log.ts";
import { openKafkaLog } from "../../data/event-log/kafka/kafka-log.ts";
import { kafkaAddress, type KafkaSecret } from "../../data/event-log/kafka/secret.ts";
import { settleFence } from "../../data/cell/settle-fence.ts";
import { pingDatabase } from "../../data/ping.ts";
import { channelSealer } from "../../data/seal.ts";
import { awsAccount, openSecretStore } from "../../data/open-secret-store.ts";
import type { SecretStore } from "../../data/secret-store.ts";
import { writeWhole } from "../../data/whole-file.ts";
import { awsEnvironment, hostEnvironment, inheritedEnvironment, type Settings } from "../../environment.ts";
import { queryService } from "../../handlers/query/query-service.ts";
import { tenantCells } from "../../handlers/query/tenant-cells.ts";
import { MillwrightError } from "../../model/errors.ts";
import { channelKinds } from "../../model/notify-settings.ts";
import type { TenantId } from "../../model/tenant.ts";
import { LOCAL_PLACE, placeOf } from "../cost/quote-basis.ts";
import { watchDrift } from "../drift/watch-drift.ts";
import { engineLayout } from "../engine/layout.ts";
import { prepareEngine } from "../engine/prepare.ts";
import { pulumiEngine } from "../engine/pulumi-engine.ts";
import { tokenCheck } from "../entrance/token-check.ts";
import { healthService } from "../health/health-service.ts";
import { openBills } from "../cost/bills.ts";
import { keepCosts } from "../cost/keep-costs.ts";
import { pricingOf } from "../cost/price-stacks.ts";
import { serveApi } from "../http/server.ts";
import { machineEntrance, revokeMachines } from "../machines/machine-entrance.ts";
import { startMetering } from "../metering/metering.ts";
import { finishDueMoves } from "../moves/finish-due-moves.ts";
import { receiptKey } from "../moves/receipt-key.ts";
import { watchFlips } from "../moves/watch-flips.ts";
import { planMove } from "../moves/plan-move.ts";
import { MqttMetrics } from "../mqtt/metrics.ts";
import { startOperations } from "../operations/start.ts";
import { evaluateTriggers } from "../triggers/evaluate.ts";
import { movesByOperation } from "../triggers/move-port.ts";
import { adminToken, storedAdminToken } from "./admin-token.ts";
import { prepareAwsCatalog } from "./aws-catalog.ts";
import { startCatalogServer, type CatalogAccess } from "./catalog-server.ts";
import { keepClusters } from "./cell-servers.ts";
import { prepareEventTopics } from "./event-topics.ts";
import { keepHandlerHost, type HandlerHost } from "./handler-host.ts";
import { claimHome, RECEIPT_KEY_FILE } from "./home.ts";
import { openIntakeLog } from "./intake-log.ts";
import { openMqttEntrance, readCertificate } from "./mqtt-entrance.ts";
import { keepKafkaAccess } from "./kafka-access.ts";
import { awsOperations, prepareCells } from "./aws-platform.ts";
import { bringUpPlatformStack, platformStackOwner, type SharedCell } from "./platform-stack.ts";

const CLIENT = "millwright-service"; // how databases and brokers name our connections
const ENVIRONMENT = "development";
const SHARED_CELL_CAPACITY = 200; // 200 tenants × 5 tables × 3 partitions = 3,000 relations: planning time stays flat

export interface RunningPlatform {
  readonly url: string;
  /** Where the admin's token is: a file, or a secret. */
  readonly tokenPlace: string;
  readonly stop: () => Promise<void>;
}

/** One line for a person; comes at least every 10 s while something is built. */
export type Progress = (line: string) => void;

/**
 * Brings up everything, in the order in which one part needs the other, and takes it down in reverse, also when the
 * start fails half way.
 * @throws MillwrightError `home-in-use`, `port-in-use`, `engine-missing`, `cluster-failed`, `disk-full`, …
 */
export async function startPlatform(settings: Settings, progress: Progress): Promise<RunningPlatform> {
  await using starting = new AsyncDisposableStack();
  const { home } = settings;
  const { aws } = settings;
  await refuseTakenPort(settings.port);
  const mqttTls = settings.mqtt.tls && (await readCertificate(settings.mqtt.tls));
  const claimed = starting.adopt(await claimHome(home), (owned) => owned.release());
  const logger = pino({ level: settings.logLevel, base: { process: "service" } }, pino.destination(2));
  const secrets = await openSecretStore(home, aws);
  const token =
    aws === undefined ? await adminToken(home) : await storedAdminToken(secrets, aws.secrets.prefix);
  const signing = await receiptKey(secrets);
  await writeWhole(path.join(home, RECEIPT_KEY_FILE), signing.publicKey); // whoever verifies on this machine trusts it

  const isEmbedded = settings.catalogUrl === undefined && aws === undefined;
  const embedded = isEmbedded ? [path.join(home, "catalog")] : [];
  const clusters = starting.adopt(keepClusters(home, embedded, logger), (keeper) => keeper.stopAll());
  progress("starting the catalog database");
  const access =
    aws === undefined
      ? await startCatalogServer(home, settings.catalogUrl, secrets)
      : await prepareAwsCatalog(aws.catalog, await awsAccount(aws), secrets);
  await clusters.startAll();
  const catalog = starting.adopt(openCatalog(access.admin, access.passwords, CLIENT), (it) => it.close());
  const kafka = await keepKafkaAccess(settings.kafka, secrets, catalog.service);
  const log = starting.adopt(await openLog(access, kafka), (it) => it.close());

  // What the runs of a killed service have left: this service is the home's only one, and none of its own runs yet.
  await rm(engineLayout(home).work, { recursive: true, force: true, maxRetries: 5 });
  const inherited = { ...inheritedEnvironment(), ...(aws === undefined ? {} : awsEnvironment()) };
  const prepared = await prepareEngine({ home, inherited, bucket: aws?.state, progress });
  const { path: cli, version } = prepared.cli;
  progress(`engine: pulumi ${version} (${cli}), postgresql plugin: ${prepared.postgresqlPlugin}`);
  const policyPackDir = path.resolve(import.meta.dirname, "../../dist/policy");
  // On AWS it lies in the image. Imported late: the bundler is none of what runs there.
  if (aws === undefined) await (await import("../../policy/bundle.ts")).buildPolicyPack(policyPackDir);
  const engine = pulumiEngine({ prepared, policyPackDir });

  const cells = aws?.sharedCells ?? sharedCells(settings);
  const known = await listCells(catalog.service);
  const dedicatedCells = known.filter(({ tier }) => tier === "dedicated").map(({ name }) => name);
  const environment = aws?.environment ?? ENVIRONMENT;
  const pricedPlace = aws === undefined ? LOCAL_PLACE : placeOf(aws);
  const stack = { home, environment, cells, dedicatedCells };
  // On AWS the platform's stack is what this service is a part of.
  if (aws === undefined)
    await bringUpPlatformStack(stack, engine, secrets, ({ message }) => progress(`platform: ${message}`));
  else await prepareCells(secrets, [...cells.map(({ name }) => name), ...dedicatedCells]);
  for (const { name, tenantCapacity } of cells)
    await registerCell(catalog.service, { name, tier: "shared", tenantCapacity });
  await prepareEventTopics(catalog, log);

  const { timescaleCellUrls: dedicatedCellUrls, moveGraceMs, environmentBudgetUsd } = settings;
  const costGate = { pricedPlace, environmentBudgetUsd };
  const machines = aws && machineEntrance(new MachineAuthority(await awsAccount(aws)), aws);
  const moving = { catalog, log, secrets, home, dedicatedCellUrls, moveGraceMs, ...costGate };
  const operations = starting.adopt(
    await startOperations({
      ...{ ...moving, engine, logger },
      cells: { prepareCell, prepareTenant, dropTenantRows, settleFence, checkLogin: pingDatabase },
      databaseUrl: access.workflowsUrl,
      environment,
      ...(aws === undefined ? {} : awsOperations(catalog.service, aws, await awsAccount(aws))),
      ...(machines && {
        revokeMachines: (tenant: TenantId) => revokeMachines(machines, catalog.service, tenant),
      }),
      defaultTopic: settings.tenantTopic,
    }),
    (running) => running.close(),
  );
  const secretOf = (cell: string) => requireCellSecret(secrets, cell);
  starting.adopt(watchFlips({ service: catalog.service, secretOf }, logger), (it) => it.stop());
  const finishing = { service: catalog.service, operations: operations.service, logger };
  starting.adopt(finishDueMoves(finishing), (it) => it.stop());
  const drift = starting.adopt(
    watchDrift({
      ...{ service: catalog.service, engine, logger, hour: settings.driftHour },
      platformStack: () => platformStackOwner(home, environment),
    }),
    (it) => it.stop(),
  );
  // Before the host starts: it makes no key of its own, and sends nothing of what lies in clear.
  const sealer = await channelSealer(secrets);
  await sealChannels(catalog.service, sealer);
  const host = starting.adopt(startHost(settings, claimed.record, logger), (kept) => kept.stop());
  progress("starting the handlers");
  await host.ready();

  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: "millwright_service_" });
  const intakeLog = starting.adopt(await openIntakeLog(log, settings, registry, logger), (it) => it.close());
  // One for both entrances: a guesser turned away at one finds the other shut as well.
  const tokens = tokenCheck({ adminToken: token.token, keys: catalog.service, nowMs: Date.now });
  const tenants = starting.adopt(tenantCells({ catalog, secrets }), (open) => open.close());
  const dedicatedServerCount = dedicatedCellUrls.length === 0 ? undefined : dedicatedCellUrls.length;
  const deps = {
    catalog: catalog.service,
    secrets,
    logger,
    startMove: movesByOperation(operations.service),
    ...{ dedicatedServerCount, pricedPlace },
  };
  const metering = starting.adopt(
    startMetering({ ...deps, afterPass: () => evaluateTriggers(deps, Date.now()) }),
    (it) => it.stop(),
  );
  const pricing = { service: catalog.service, pricingAt: pricingOf(pricedPlace) };
  starting.adopt(keepCosts({ ...pricing, logger, environmentBudgetUsd }), (it) => it.stop());
  const api = starting.adopt(
    await serveApi(
      {
        bills: openBills({ ...pricing, nowMs: Date.now }),
        ...{ catalog, log: intakeLog, logger, tokens },
        operations: operations.service,
        ...costGate,
        planMove: (request) => planMove(moving, request),
        drift,
        health: healthService({ service: catalog.service, secretOf, log, nowMs: Date.now }),
        readings: queryService(tenants, metering.queries),
        cells: tenants,
        privateWebhooks: settings.privateWebhooks,
        web: settings.web,
        channels: { sealer, kinds: channelKinds(settings.notify) },
        metrics: { registry, more: () => host.metrics() },
        dedicatedServerCount,
        machineEntrance: machines,
        receiptKey: signing,
        checks: readinessChecks(catalog, log, secrets, host, cells),
        nowMs: Date.now,
      },
      { port: settings.port, host: settings.host },
    ),
    (server) => server.close(),
  );
  const mqtt = starting.adopt(
    await openMqttEntrance(
      {
        ...{ catalog, log: intakeLog, logger, tokens },
        ...{ metrics: new MqttMetrics(registry), nowMs: Date.now },
      },
      { port: settings.mqtt.port, tls: mqttTls },
    ),
    (entrance) => entrance.close(),
  );
  progress(`mqtt: ${mqtt.url}`);
  await claimed.record({ url: api.url, mqttUrl: mqtt.url });

  const running = starting.move();
  return { url: api.url, tokenPlace: token.place, stop: () => running.disposeAsync() };
}

/** @throws MillwrightError `log-unavailable` when the brokers do not answer: to start without a log helps nobody */
async function openLog(
  { admin, passwords }: CatalogAccess,
  kafka: KafkaSecret | undefined,
): Promise<EventLog> {
  if (kafka === undefined) {
    await prepareEmbeddedLog(admin, passwords.log);
    return openEmbeddedLog(admin, passwords.log, CLIENT);
  }
  const log = openKafkaLog(kafkaAddress(kafka), {
    clientId: CLIENT,
    replicationFactor: kafka.replicationFactor,
  });
  await log.ping();
  return log;
}

function startHost(
  settings: Settings,
  record: (parts: object) => Promise<void>,
  logger: Logger,
): HandlerHost {
  const env = {
    ...{ ...hostEnvironment(), MILLWRIGHT_HOME: settings.home, LOG_LEVEL: settings.logLevel },
    MILLWRIGHT_FLOOD_ALERTS: String(settings.floodAlertCount),
  };
  const webhooks =
    settings.privateWebhooks === "loopback-only"
      ? {}
      : { MILLWRIGHT_PRIVATE_WEBHOOKS: settings.privateWebhooks };
  const onStart = (host: object) =>
    void record({ host }).catch((error: unknown) =>
      logger.error({ error: String(error) }, "run.json was not written"),
    );
  return keepHandlerHost({ ...env, ...webhooks }, onStart, logger);
}

function sharedCells({ timescaleUrl }: Settings): readonly SharedCell[] {
  const cell = { name: "shared-1", tenantCapacity: SHARED_CELL_CAPACITY };
  return [timescaleUrl === undefined ? cell : { ...cell, url: timescaleUrl }];
}

function readinessChecks(
  catalog: Catalog,
  log: EventLog,
  secrets: SecretStore,
  host: HandlerHost,
  cells: readonly SharedCell[],
) {
  const down = (what: string) =>
    new MillwrightError("database-unavailable", `${what} is down.`, { retryable: true });
  const cellChecks = cells.map(({ name }) => {
    const check = async () => {
      const secret = await readCellSecret(secrets, name);
      if (secret === undefined) throw down(`cell ${name}`);
      await pingDatabase(cellAddress(secret, "query"));
    };
    return [`cell-${name}`, check] as const;
  });
  return {
    catalog: async () => {
      await catalog.service.query("select 1");
    },
    log: () => log.ping(),
    handlers: () => (host.isUp() ? Promise.resolve() : Promise.reject(down("the handler host"))),
    ...Object.fromEntries(cellChecks),
  };
}

/** Asked first: to learn after ten minutes of building that the port is taken would be unkind. */
async function refuseTakenPort(port: number): Promise<void> {
  const probe = createServer();
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  probe.once("listening", () => probe.close(() => resolve(undefined)));
  probe.once("error", (cause) => {
    const message = `Port ${port} cannot be used (${(cause as NodeJS.ErrnoException).code ?? "unknown"}). Stop what listens there, or set PORT to another port; PORT=0 takes any free one.`;
    reject(new MillwrightError("port-in-use", message, { cause }));
  });
  probe.listen(port, "127.0.0.1");
  await promise;
}
