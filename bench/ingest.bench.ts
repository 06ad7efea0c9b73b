import { fork } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { ensurePartitions } from "../data/cell/partitions.ts";
import { openIngestPool } from "../data/cell/cell-pool.ts";
import type { NewRecord } from "../data/event-log/event-log.ts";
import { HANDLER_NODE_OPTIONS } from "../handlers/node-options.ts";
import { tenantNames, topicName, type TenantId } from "../model/tenant.ts";
import { asCellRole, testTenant } from "../test/support/cell.ts";
import type { ConsumerReport, ConsumerStart } from "./ingest/consumer.ts";
import { copyFile } from "./ingest/copy.ts";
import { COPY_COLUMNS, copyLines, MACHINES, PARTITIONS, readings, records, SEED } from "./ingest/workload.ts";
import type { BenchOptions, BenchResult } from "./main.ts";
import { openLog, startServices, type Services } from "./services.ts";
import { quantile, round } from "./statistics.ts";

const BATCH_READINGS = 50;
/** Of both targets; the embedded log is a table and takes minutes for as many single records. */
const ROWS = { real: 1_000_000, embedded: 100_000 };
const ROUNDS = 3;
const APPEND_RECORDS = 5_000;

/** One way to bring the same rows in. */
interface Source {
  readonly tenant: TenantId;
  readonly topic: string;
}

interface Measured {
  readonly rowsPerSecond: number;
  readonly peakRssMb: number;
  /** Of the consumer's process, per row. */
  readonly cpuMicroseconds: number;
}

/**
 * Rows per second from the log to committed rows, one reading in a record and 50, against a COPY of a prepared file of
 * the same rows into an equal table. Everything lies in the log before a clock starts; each round starts a consumer
 * process of its own, so its compiler is as cold as after a deployment.
 */
export async function run({ services: kind }: BenchOptions): Promise<BenchResult> {
  const services = await startServices(kind);
  const folder = await mkdtemp(path.join(tmpdir(), "millwright-bench-"));
  try {
    return await measure(services, path.join(folder, "rows.tsv"));
  } finally {
    await services.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function measure(services: Services, file: string): Promise<BenchResult> {
  const rowCount = ROWS[services.kind];
  await pipeline(Readable.from(copyLines(rowCount)), createWriteStream(file));
  const single = await prepareSource(services, "single", 1);
  const batched = await prepareSource(services, "batched", BATCH_READINGS);

  const rounds: { copy: number; single: Measured; batched: Measured }[] = [];
  for (let number = 1; number <= ROUNDS; number++) {
    const copy = await copyRate(services, single, file);
    const ofSingle = await ingestRate(services, single);
    const ofBatched = await ingestRate(services, batched);
    rounds.push({ copy, single: ofSingle, batched: ofBatched });
    console.error(
      `round ${number}: COPY ${round(copy, 0)} rows/s, single ${say(ofSingle)}, by ${BATCH_READINGS} ${say(ofBatched)}`,
    );
  }
  const median = (pick: (one: (typeof rounds)[number]) => number) => quantile(rounds.map(pick), 0.5);
  return {
    figures: {
      rowsPerSecond: round(
        median(({ single }) => single.rowsPerSecond),
        0,
      ),
      batchedRowsPerSecond: round(
        median(({ batched }) => batched.rowsPerSecond),
        0,
      ),
      copyRowsPerSecond: round(
        median(({ copy }) => copy),
        0,
      ),
      // of neighbours in time: a machine that has other work to do slows both down
      ratioToCopy: round(
        median(({ single, copy }) => single.rowsPerSecond / copy),
        3,
      ),
      batchedRatioToCopy: round(
        median(({ batched, copy }) => batched.rowsPerSecond / copy),
        3,
      ),
      peakRssMb: Math.max(...rounds.flatMap(({ single, batched }) => [single.peakRssMb, batched.peakRssMb])),
      cpuMicrosecondsPerRow: median(({ single }) => single.cpuMicroseconds),
      batchedCpuMicrosecondsPerRow: median(({ batched }) => batched.cpuMicroseconds),
    },
    context: {
      ...{ services: services.title, rows: rowCount, rounds: ROUNDS, seed: SEED },
      ...{ batchReadings: BATCH_READINGS, machines: MACHINES, partitions: PARTITIONS },
      readingBytes: JSON.stringify(readings(1).next().value).length,
      copy: services.kind === "real" ? "psql \\copy" : "COPY by our driver",
    },
  };
}

const say = ({ rowsPerSecond, peakRssMb, cpuMicroseconds }: Measured) =>
  `${round(rowsPerSecond, 0)} rows/s (${peakRssMb} MB, ${cpuMicroseconds} µs CPU a row)`;

async function prepareSource(services: Services, name: string, readingsPerRecord: number): Promise<Source> {
  const tenant = await testTenant(services.cell, name, { machines: MACHINES });
  const topic = topicName(tenant, "readings", 1);
  const log = openLog(services.log, "bench-producer", (error) => console.error(error));
  await log.createTopic(topic, PARTITIONS);
  const startMs = performance.now();
  let chunk: NewRecord[] = [];
  for (const record of records(topic, ROWS[services.kind], readingsPerRecord)) {
    chunk.push(record);
    if (chunk.length < APPEND_RECORDS) continue;
    await log.append(chunk);
    chunk = [];
  }
  await log.append(chunk);
  await log.close();
  console.error(`${name}: all is in the log after ${round((performance.now() - startMs) / 1_000)} s`);
  return { tenant, topic };
}

async function copyRate(services: Services, { tenant }: Source, file: string): Promise<number> {
  await empty(services, tenant);
  const startMs = performance.now();
  const target = `${tenantNames(tenant).schema}.machine_telemetry (${COPY_COLUMNS.join(", ")})`;
  await copyFile(services.kind, services.cell, target, file);
  const rowsPerSecond = ROWS[services.kind] / ((performance.now() - startMs) / 1_000);
  await expectRows(services, tenant);
  return rowsPerSecond;
}

async function ingestRate(services: Services, { tenant, topic }: Source): Promise<Measured> {
  await empty(services, tenant);
  const rowCount = ROWS[services.kind];
  const consumer = fork(new URL("./ingest/consumer.ts", import.meta.url), [], {
    execArgv: [...HANDLER_NODE_OPTIONS],
  });
  consumer.send({ log: services.log, cell: services.cell, tenant, topic } satisfies ConsumerStart);
  await once(consumer, "message");
  const stored = Promise.withResolvers<Extract<ConsumerReport, { kind: "stored" }>>();
  let peakRssBytes = 0;
  consumer.on("message", (message) => {
    const report = message as ConsumerReport;
    if (report.kind !== "stored") return;
    peakRssBytes = Math.max(peakRssBytes, report.rssBytes);
    if (report.rowCount >= rowCount) stored.resolve(report);
  });
  const ended = once(consumer, "exit");
  void ended.then(() => stored.reject(new Error("the consumer has ended"))); // of no effect behind the last row
  const startMs = performance.now();
  consumer.send("go");
  const { cpuSeconds } = await stored.promise;
  const seconds = (performance.now() - startMs) / 1_000;
  consumer.kill("SIGKILL");
  await ended;
  await expectRows(services, tenant);
  return {
    rowsPerSecond: rowCount / seconds,
    peakRssMb: Math.round(peakRssBytes / 2 ** 20),
    cpuMicroseconds: round((cpuSeconds * 1e6) / rowCount),
  };
}

/** As it was before the first row, but with the chunks made: both ways find them. */
async function empty({ cell }: Services, tenant: TenantId): Promise<void> {
  await asCellRole(cell, "admin", async (client) => {
    await client.query(`truncate ${tenantNames(tenant).schema}.machine_telemetry`);
    for (const table of ["dirty_mark", "usage", "machine"])
      await client.query(`delete from millwright.${table} where tenant = $1`, [tenant]);
    await client.query("update millwright.log_position set next_offset = 0 where tenant = $1", [tenant]);
    await client.query("checkpoint");
  });
  const days = new Set<number>();
  for (const { ts } of readings(1)) days.add(Math.floor(Date.parse(ts) / 86_400_000));
  const pool = openIngestPool(cell, "bench");
  await ensurePartitions(pool, tenant, "machine", [...days]);
  await pool.end();
}

async function expectRows({ cell, kind }: Services, tenant: TenantId): Promise<void> {
  await asCellRole(cell, "admin", async (client) => {
    const { rows } = await client.query<{ count: number }>(
      `select count(*)::int as count from ${tenantNames(tenant).schema}.machine_telemetry`,
    );
    if (rows[0]?.count !== ROWS[kind])
      throw new Error(`${rows[0]?.count ?? 0} rows instead of ${ROWS[kind]}`);
  });
}
