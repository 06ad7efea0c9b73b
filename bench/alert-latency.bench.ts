import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import http from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createChannel } from "../data/catalog/channel.ts";
import { listAlerts } from "../data/catalog/alert.ts";
import { inTenant, openCatalog, prepareCatalog, type Catalog } from "../data/catalog/catalog.ts";
import { createRule } from "../data/catalog/rule.ts";
import { openEmbeddedLog, prepareEmbeddedLog } from "../data/event-log/embedded-log.ts";
import { openPool } from "../data/pool.ts";
import { createCluster, removeCluster, startCluster } from "../data/postgres-cluster/cluster.ts";
import type { AlertTimes } from "../model/alert-latency.ts";
import { channelBody } from "../model/channel.ts";
import { ruleBody } from "../model/rule.ts";
import { tenantId } from "../model/tenant.ts";
import type { AlertHostStart } from "../test/support/alert-host.ts";
import { testSealer } from "../test/support/sealer.ts";

const READINGS_PER_SECOND = 200;
const SECONDS = 20;
const WARM_UP_SECONDS = 3;
const MACHINES = 50;
const PARTITIONS = 2;
/** One reading in this many crosses the limit, and the machine's next one comes back: 20 alerts a second. */
const READINGS_PER_ALERT = 10;

const acme = tenantId.parse("acme");
const topic = "acme.readings.g1";

/**
 * From the append of a reading, as the API does it, to its webhook at a receiver: the log's appends here, alert engine
 * and dispatcher in one other process, as on the local target, everything durable as in production.
 */
export async function run(): Promise<{ figures: object; context: object }> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "millwright-bench-"));
  const cluster = path.join(folder, "cluster");
  await createCluster(cluster);
  const admin = { ...(await startCluster(cluster)), database: "postgres" };
  const receiver = await startReceiver();
  try {
    return await measure(admin, receiver);
  } finally {
    receiver.server.close();
    await removeCluster(cluster);
    await rm(folder, { recursive: true, force: true });
  }
}

async function measure(admin: AlertHostStart["admin"], { url, received }: Receiver) {
  const passwords = { app: "app-bench", service: "service-bench" };
  await prepareCatalog(admin, passwords);
  await prepareEmbeddedLog(admin, "log-bench");
  const catalog = openCatalog(admin, passwords, "bench");
  const log = openEmbeddedLog(admin, "log-bench", "bench");
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
  const condition = { kind: "threshold", op: ">", limit: 80, deadBand: 2 };
  const rule = { name: "too hot", type: "machine", metric: "temperature_c", condition, severity: "critical" };
  const channel = { kind: "webhook", url, secret: "bench" };
  await inTenant(catalog, acme, async (tx) => {
    await createRule(tx, acme, ruleBody.parse(rule));
    await createChannel(tx, testSealer, acme, channelBody.parse(channel));
  });

  const host = fork(new URL("../test/support/alert-host.ts", import.meta.url));
  host.send({ admin, passwords, logPassword: "log-bench" } satisfies AlertHostStart);
  await once(host, "message");
  await sleep(1_000);

  const expected = new Set<string>();
  const before = await walFigures(observer);
  const startedAt = performance.now();
  const appends: Promise<void>[] = [];
  for (let n = 0; n < READINGS_PER_SECOND * SECONDS; n++) {
    const dueAt = startedAt + (n * 1000) / READINGS_PER_SECOND;
    if (dueAt > performance.now()) await sleep(dueAt - performance.now());
    // Every machine in turn; each round of READINGS_PER_ALERT readings has one that is hot, once for its machine.
    const machine = n % MACHINES;
    const round = Math.floor(n / MACHINES);
    const isHot = (machine + round) % READINGS_PER_ALERT === 0;
    const producedAtMs = Date.now();
    const ts = new Date(producedAtMs).toISOString();
    const values = { temperature_c: isHot ? 90 : 60 };
    const reading = { type: "machine", machineId: `m-${machine}`, ts, values };
    if (isHot && n >= READINGS_PER_SECOND * WARM_UP_SECONDS) expected.add(`m-${machine} ${producedAtMs}`);
    const headers = { "produced-at": String(producedAtMs), source: "live" };
    const value = Buffer.from(JSON.stringify([reading]));
    appends.push(log.append([{ topic, partition: machine % PARTITIONS, headers, value }]));
  }
  await Promise.all(appends);
  const seconds = (performance.now() - startedAt) / 1000;
  for (let wait = 0; wait < 100 && [...expected].some((key) => !received.has(key)); wait++) await sleep(50);
  const after = await walFigures(observer);

  const latencies = [...expected].flatMap((key) => received.get(key)?.[0] ?? []).sort((a, b) => a - b);
  const figures = {
    readingsPerSecond: Math.round((READINGS_PER_SECOND * SECONDS) / seconds),
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    p999Ms: percentile(latencies, 0.999),
    alerts: expected.size,
    lost: [...expected].filter((key) => !received.has(key)).length,
    doubled: [...expected].filter((key) => (received.get(key)?.length ?? 0) > 1).length,
    commitsPerSecond: Math.round((after.commits - before.commits) / seconds),
    stageP50Ms: stages(await stageTimes(catalog), 0.5),
    stageP99Ms: stages(await stageTimes(catalog), 0.99),
    walSyncsPerSecond: Math.round((after.syncs - before.syncs) / seconds),
  };
  host.kill("SIGKILL");
  await once(host, "exit");
  await Promise.all([catalog.close(), log.close(), observer.end()]);
  const services = "embedded PostgreSQL: log and catalog in one database";
  const { node } = process.versions;
  return {
    figures,
    context: { services, node, cores: os.cpus().length, machines: MACHINES, partitions: PARTITIONS },
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

/** Where the time goes, from the alerts' own times; `commit` ends after the fsync, `send` with the receiver's answer. */
async function stageTimes(catalog: Catalog): Promise<Stages> {
  const { items } = await inTenant(catalog, acme, (tx) => listAlerts(tx, acme, { limit: 10_000 }));
  const between = (from: keyof AlertTimes, to: keyof AlertTimes) =>
    items.map(({ times }) => (times[to] ?? 0) - (times[from] ?? 0)).sort((a, b) => a - b);
  return {
    append: between("produced", "appended"),
    evaluate: between("appended", "evaluated"),
    commit: between("evaluated", "committed"),
    send: between("committed", "notified"),
  };
}

function stages(times: Stages, share: number): Record<string, number> {
  return Object.fromEntries(Object.entries(times).map(([name, sorted]) => [name, percentile(sorted, share)]));
}

function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Infinity;
}
