import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import http from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { setImmediate, setTimeout as sleep } from "node:timers/promises";
import { createChannel } from "../data/catalog/channel.ts";
import { listAlerts } from "../data/catalog/alert.ts";
import { inTenant, openCatalog, prepareCatalog, type Catalog } from "../data/catalog/catalog.ts";
import { createRule } from "../data/catalog/rule.ts";
import { openKafkaLog } from "../data/event-log/kafka/kafka-log.ts";
import { openEmbeddedLog, prepareEmbeddedLog } from "../data/event-log/embedded-log.ts";
import { openPool } from "../data/pool.ts";
import { createCluster, removeCluster, startCluster } from "../data/postgres-cluster/cluster.ts";
import { HANDLER_NODE_OPTIONS } from "../handlers/node-options.ts";
import type { AlertTimes } from "../model/alert-latency.ts";
import { channelBody } from "../model/channel.ts";
import { ruleBody, type RuleBody } from "../model/rule.ts";
import { tenantId } from "../model/tenant.ts";
import type { AlertHostStart } from "../test/support/alert-host.ts";
import { startKafka } from "../test/support/real-services.ts";
import { testSealer } from "../test/support/sealer.ts";
import type { BenchOptions, BenchResult } from "./main.ts";
import type { ServiceKind } from "./services.ts";

const LOADS = {
  // A broker that has just started compiles itself for so long. Of 200 alerts p99 is not the slowest one.
  real: { readingsPerSecond: 2_000, readingsPerAlert: 2_000, seconds: 220, warmUpSeconds: 20 },
  embedded: { readingsPerSecond: 200, readingsPerAlert: 10, seconds: 20, warmUpSeconds: 3 },
};
const SLOWEST = 5;
const MACHINES = 45;
const RULES = 500;
const PARTITIONS = 2;

const acme = tenantId.parse("acme");
const topic = "acme.readings.g1";

/**
 * From the append of a reading, as the API does it, to its webhook at a receiver: the log's appends here, alert engine
 * and dispatcher in one other process, as on the local target, everything durable as in production.
 */
export async function run({ services }: BenchOptions): Promise<BenchResult> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "millwright-bench-"));
  const cluster = path.join(folder, "cluster");
  await createCluster(cluster);
  const admin = { ...(await startCluster(cluster)), database: "postgres" };
  const kafka = services === "real" ? await startKafka() : undefined;
  const receiver = await startReceiver();
  try {
    return await measure(services, { admin, kafkaBrokers: kafka?.brokers.split(",") }, receiver);
  } finally {
    receiver.server.close();
    await kafka?.server.remove();
    await removeCluster(cluster);
    await rm(folder, { recursive: true, force: true });
  }
}

/** One that fires, and others that never do: some for every machine, the rest for one machine each. */
function rules(): readonly RuleBody[] {
  const quiet = [
    { metric: "power_watts", condition: { kind: "threshold", op: ">", limit: 50_000, deadBand: 10 } },
    { metric: "state", condition: { kind: "state", equals: "error", onDelayMs: 1_000 } },
    { metric: "temperature_c", condition: { kind: "rate", op: ">", limit: 1_000, windowMs: 60_000 } },
    { condition: { kind: "no-data", onDelayMs: 900_000 } },
    { condition: { kind: "expression", expression: "temperature_c > 500 && power_watts < 100" } },
  ];
  const hot = { metric: "temperature_c", condition: { kind: "threshold", op: ">", limit: 80, deadBand: 2 } };
  return Array.from({ length: RULES }, (_, number) => {
    const machines = number <= 2 * quiet.length ? {} : { machines: [`m-${number % MACHINES}`] };
    const body = number === 0 ? hot : { ...quiet[number % quiet.length], ...machines };
    return ruleBody.parse({ name: `rule ${number}`, type: "machine", severity: "critical", ...body });
  });
}

async function measure(
  services: ServiceKind,
  { admin, kafkaBrokers }: Pick<AlertHostStart, "admin" | "kafkaBrokers">,
  { url, received }: Receiver,
): Promise<BenchResult> {
  const { readingsPerSecond, readingsPerAlert, seconds: sendingSeconds, warmUpSeconds } = LOADS[services];
  const passwords = { app: "app-bench", service: "service-bench" };
  await prepareCatalog(admin, passwords);
  await prepareEmbeddedLog(admin, "log-bench");
  const catalog = openCatalog(admin, passwords, "bench");
  const log =
    kafkaBrokers === undefined
      ? openEmbeddedLog(admin, "log-bench", "bench")
      : openKafkaLog({ brokers: kafkaBrokers }, { clientId: "bench", replicationFactor: 1 });
  const observer = openPool(admin, { applicationName: "bench-observer", max: 1 });
  await catalog.service.query(
    "insert into tenant (tenant, name, tier, state, machines) values ($1, $1, 'shared', 'ready', $2)",
    [acme, MACHINES],
  );
  await catalog.service.query(
    "insert into topic (topic, tenant, stream, generation, partitions) values ($1, $2, 'readings', 1, $3)",
    [topic, acme, PARTITIONS],
  );
  await log.createTopic(topic, PARTITIONS);
  const channel = { kind: "webhook", url, secret: "bench" };
  await inTenant(catalog, acme, async (tx) => {
    for (const body of rules()) await createRule(tx, acme, body);
    await createChannel(tx, testSealer, acme, channelBody.parse(channel));
  });

  const host = fork(new URL("../test/support/alert-host.ts", import.meta.url), [], {
    execArgv: [...HANDLER_NODE_OPTIONS],
  });
  host.send({ admin, passwords, logPassword: "log-bench", kafkaBrokers } satisfies AlertHostStart);
  await once(host, "message");
  await sleep(1_000);

  const expected = new Set<string>();
  const before = await walFigures(observer);
  const startedAt = performance.now();
  const appends: Promise<void>[] = [];
  for (let n = 0; n < readingsPerSecond * sendingSeconds; n++) {
    // a sender that is late goes on at once, but lets its sockets have their turn
    const dueAt = startedAt + (n * 1000) / readingsPerSecond;
    while (dueAt > performance.now()) await sleep(1);
    if (n % 20 === 0) await setImmediate();
    // Every machine in turn: the one that is hot comes back with its next reading.
    const machine = n % MACHINES;
    const isHot = n % readingsPerAlert === 0;
    const producedAtMs = Date.now();
    const ts = new Date(producedAtMs).toISOString();
    const values = { state: "running", temperature_c: isHot ? 90 : 60, power_watts: 1_200 };
    const reading = { type: "machine", machineId: `m-${machine}`, ts, values };
    if (isHot && n >= readingsPerSecond * warmUpSeconds) expected.add(`m-${machine} ${producedAtMs}`);
    const headers = { "produced-at": String(producedAtMs), source: "live" };
    const value = Buffer.from(JSON.stringify([reading]));
    appends.push(log.append([{ topic, partition: machine % PARTITIONS, headers, value }]));
  }
  await Promise.all(appends);
  const seconds = (performance.now() - startedAt) / 1000;
  for (let wait = 0; wait < 100 && [...expected].some((key) => !received.has(key)); wait++) await sleep(50);
  const after = await walFigures(observer);

  const latencies = [...expected].flatMap((key) => received.get(key)?.[0] ?? []).sort((a, b) => a - b);
  const alerts = await alertTimes(catalog);
  const times = stageTimes([...alerts.values()]);
  const figures = {
    readingsPerSecond: Math.round((readingsPerSecond * sendingSeconds) / seconds),
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    p999Ms: percentile(latencies, 0.999),
    alerts: expected.size,
    lost: [...expected].filter((key) => !received.has(key)).length,
    doubled: [...expected].filter((key) => (received.get(key)?.length ?? 0) > 1).length,
    commitsPerSecond: Math.round((after.commits - before.commits) / seconds),
    walSyncsPerSecond: Math.round((after.syncs - before.syncs) / seconds),
  };
  host.kill("SIGKILL");
  await once(host, "exit");
  await Promise.all([catalog.close(), log.close(), observer.end()]);
  const title =
    services === "real"
      ? "Kafka; catalog in embedded PostgreSQL"
      : "embedded PostgreSQL: log and catalog in one database";
  return {
    figures: { ...figures, stageP50Ms: stages(times, 0.5), stageP99Ms: stages(times, 0.99) },
    context: {
      ...{ services: title, machines: MACHINES, rules: RULES, partitions: PARTITIONS, warmUpSeconds },
      slowestMs: slowest(expected, alerts, received),
    },
  };
}

interface Receiver {
  readonly server: http.Server;
  readonly url: string;
  /** Latencies in ms by machine and produce time, one per delivery. */
  readonly received: Map<string, number[]>;
}

async function startReceiver(): Promise<Receiver> {
  const received = new Map<string, number[]>();
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const atMs = Date.now();
      const body = Buffer.concat(chunks).toString("utf8");
      const { machineId, times } = JSON.parse(body) as { machineId: string; times: { produced: number } };
      const key = `${machineId} ${times.produced}`;
      received.set(key, [...(received.get(key) ?? []), atMs - times.produced]);
      response.writeHead(200).end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, received };
}

async function walFigures(pool: ReturnType<typeof openPool>): Promise<{ commits: number; syncs: number }> {
  const { rows } = await pool.query<{ commits: number; syncs: number }>(
    `select (select sum(xact_commit) from pg_stat_database)::float8 as commits,
            (select sum(fsyncs) from pg_stat_io where object = 'wal')::float8 as syncs`,
  );
  return rows[0] ?? { commits: 0, syncs: 0 };
}

type Stages = Readonly<Record<"append" | "evaluate" | "commit" | "send", readonly number[]>>;

/** By machine and produce time. */
async function alertTimes(catalog: Catalog): Promise<ReadonlyMap<string, AlertTimes>> {
  const { items } = await inTenant(catalog, acme, (tx) => listAlerts(tx, acme, { limit: 10_000 }));
  return new Map(items.map(({ machineId, times }) => [`${machineId} ${times.produced}`, times]));
}

const between = (times: AlertTimes | undefined, from: keyof AlertTimes, to: keyof AlertTimes) =>
  (times?.[to] ?? 0) - (times?.[from] ?? 0);

/** Where the time goes, from the alerts' own times; `commit` ends after the fsync, `send` with the receiver's answer. */
function stageTimes(alerts: readonly AlertTimes[]): Stages {
  const sorted = (from: keyof AlertTimes, to: keyof AlertTimes) =>
    alerts.map((times) => between(times, from, to)).sort((a, b) => a - b);
  return {
    append: sorted("produced", "appended"),
    evaluate: sorted("appended", "evaluated"),
    commit: sorted("evaluated", "committed"),
    send: sorted("committed", "notified"),
  };
}

/** The same of the alerts that took longest, one by one; `receive` ends when the receiver has the message. */
function slowest(
  expected: ReadonlySet<string>,
  alerts: ReadonlyMap<string, AlertTimes>,
  received: Receiver["received"],
): readonly Readonly<Record<string, number>>[] {
  const latencies = [...expected].flatMap((key) =>
    (received.get(key) ?? []).slice(0, 1).map((total) => ({ total, times: alerts.get(key) })),
  );
  const longest = latencies.sort((a, b) => b.total - a.total).slice(0, SLOWEST);
  return longest.map(({ total, times }) => ({
    total,
    append: between(times, "produced", "appended"),
    evaluate: between(times, "appended", "evaluated"),
    commit: between(times, "evaluated", "committed"),
    receive: total - between(times, "produced", "committed"),
  }));
}

function stages(times: Stages, share: number): Record<string, number> {
  return Object.fromEntries(Object.entries(times).map(([name, sorted]) => [name, percentile(sorted, share)]));
}

function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Infinity;
}
