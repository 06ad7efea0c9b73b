import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { from as copyFrom } from "pg-copy-streams";
import { openIngestPool } from "../data/cell/cell-pool.ts";
import type { CellSecret } from "../data/cell/cell-secret.ts";
import { openEmbeddedLog, prepareEmbeddedLog } from "../data/event-log/embedded-log.ts";
import type { EventLog, LogRecord, NewRecord, Subscription } from "../data/event-log/event-log.ts";
import { ingestSubscription } from "../handlers/ingest/subscription.ts";
import { packLogRef } from "../model/log-ref.ts";
import { METRICS, type WireReading } from "../model/reading.ts";
import { tenantNames, topicName, type TenantId } from "../model/tenant.ts";
import { asCellRole, testCell, testTenant } from "../test/support/cell.ts";
import { mochaHooks, testDatabase } from "../test/support/postgres.ts";
import { randomFrom } from "../test/support/seed.ts";
import type { BenchResult } from "./main.ts";

const ROWS = 100_000;
const READINGS_PER_RECORD = 500;
const MACHINES = 15;
const PARTITIONS = 2;
const ROUNDS = 7;
const SEED = 20_261_121;
const PASSWORD = "bench-log";
const START_MS = Date.UTC(2026, 10, 20);

/**
 * Rows per second from the log to committed rows, against a plain COPY of a prepared file of the same rows into the
 * same table by the same driver. `batched` leaves the log out: the same records, handed over 4 MiB at a time.
 */
export async function run(): Promise<BenchResult> {
  const secret = await testCell();
  const place = await testDatabase();
  await prepareEmbeddedLog(place, PASSWORD);
  const log = openEmbeddedLog(place, PASSWORD, "bench");
  try {
    return await measure(secret, log);
  } finally {
    await log.close();
    await mochaHooks.afterAll();
  }
}

async function measure(secret: CellSecret, log: EventLog): Promise<BenchResult> {
  const tenant = await testTenant(secret, "bench", { machines: MACHINES });
  const topic = topicName(tenant, "readings", 1);
  const records = recordsOf(topic);
  const file = fileOf(records);
  await log.createTopic(topic, PARTITIONS);
  for (let from = 0; from < records.length; from += 20) await log.append(records.slice(from, from + 20));

  const rounds: { readonly copy: number; readonly ingest: number; readonly batched: number }[] = [];
  for (let round = 0; round <= ROUNDS; round += 1) {
    const copy = await timed(secret, tenant, () => copyFile(secret, tenant, file));
    const ingest = await timed(secret, tenant, (subscription) => consumeAll(log, subscription));
    const batched = await timed(secret, tenant, ({ handle }) => handInBatches(handle, records));
    console.error(`round ${round}: COPY ${copy}, from the log ${ingest}, batched ${batched} rows/s`);
    if (round > 0) rounds.push({ copy, ingest, batched }); // the first one warms caches and the compiler
  }
  return {
    figures: {
      rowsPerSecond: median(rounds.map(({ ingest }) => ingest)),
      copyRowsPerSecond: median(rounds.map(({ copy }) => copy)),
      batchedRowsPerSecond: median(rounds.map(({ batched }) => batched)),
      // of neighbours in time: a machine that has other work to do slows both down
      ratioToCopy: round3(median(rounds.map(({ ingest, copy }) => ingest / copy))),
      batchedRatioToCopy: round3(median(rounds.map(({ batched, copy }) => batched / copy))),
      peakRssMb: Math.round(process.resourceUsage().maxRSS / 1024),
    },
    context: {
      ...{ services: "embedded PostgreSQL and log", rows: ROWS, rounds: ROUNDS, seed: SEED },
      ...{ readingsPerRecord: READINGS_PER_RECORD, machines: MACHINES, partitions: PARTITIONS },
      recordBytes: records[0]?.value.length ?? 0,
      peakRss: "whole benchmark, with the records and the file in memory",
    },
  };
}

/** Rows per second of `work`, which must leave exactly {@link ROWS} rows. */
async function timed(
  secret: CellSecret,
  tenant: TenantId,
  work: (subscription: Subscription & { readonly whenStored: Promise<undefined> }) => Promise<void>,
): Promise<number> {
  const table = `${tenantNames(tenant).schema}.machine_telemetry`;
  await asCellRole(secret, "admin", async (client) => {
    await client.query(`truncate ${table}`);
    await client.query("update millwright.log_position set next_offset = 0");
    await client.query("checkpoint");
    // both ways find the partitions made
    await client.query("select millwright.ensure_partitions($1, 'machine_telemetry', $2)", [
      tenant,
      [new Date(START_MS)],
    ]);
  });
  const pool = openIngestPool(secret, "bench");
  const stored = Promise.withResolvers<undefined>();
  let rowCount = 0;
  const subscription = ingestSubscription({
    ...{ cell: "bench", pool, now: Date.now },
    topics: () => Promise.resolve([{ tenant, topic: topicName(tenant, "readings", 1), epoch: 1n }]),
    alarm: ({ error }) => stored.reject(error),
    outOfRange: () => stored.reject(new Error("out of range")),
    stored: (outcome) => {
      rowCount += outcome.rowCount;
      if (rowCount >= ROWS) stored.resolve(undefined);
    },
  });
  await subscription.topics();
  const startMs = performance.now();
  await work({ ...subscription, whenStored: stored.promise });
  const seconds = (performance.now() - startMs) / 1000;
  await pool.end();
  await asCellRole(secret, "admin", async (client) => {
    const { rows } = await client.query<{ count: number }>(`select count(*)::int as count from ${table}`);
    if (rows[0]?.count !== ROWS) throw new Error(`${rows[0]?.count ?? 0} rows instead of ${ROWS}`);
  });
  return Math.round(ROWS / seconds);
}

async function consumeAll(
  log: EventLog,
  subscription: Subscription & { readonly whenStored: Promise<undefined> },
) {
  const stop = new AbortController();
  const consuming = log.consume(subscription, stop.signal);
  await subscription.whenStored;
  stop.abort();
  await consuming;
}

async function handInBatches(handle: Subscription["handle"], records: readonly NewRecord[]): Promise<void> {
  const next = Array.from({ length: PARTITIONS }, () => 0n);
  const appended: LogRecord[] = records.map((record) => {
    const offset = next[record.partition] ?? 0n;
    next[record.partition] = offset + 1n;
    return { ...record, offset, coversFrom: offset, appendedAtMs: START_MS + 86_400_000 };
  });
  const perBatch = Math.max(1, Math.floor((4 << 20) / (records[0]?.value.length ?? 1)));
  for (let from = 0; from < appended.length; from += perBatch) {
    const seeks = await handle(appended.slice(from, from + perBatch));
    if (seeks.length > 0) throw new Error("the benchmark's own records were refused");
  }
}

async function copyFile(secret: CellSecret, tenant: TenantId, file: Buffer): Promise<void> {
  const columns = [
    "time",
    "machine_id",
    "site_id",
    "log_ref",
    "ordinal",
    ...METRICS.machine.map(({ name }) => name),
  ];
  const table = `${tenantNames(tenant).schema}.machine_telemetry`;
  const chunks = Array.from({ length: Math.ceil(file.length / 65_536) }, (_, index) =>
    file.subarray(index * 65_536, (index + 1) * 65_536),
  );
  await asCellRole(secret, "ingest", (client) =>
    pipeline(
      Readable.from(chunks),
      client.query(copyFrom(`copy ${table} (${columns.join(", ")}) from stdin`)),
    ),
  );
}

function recordsOf(topic: string): NewRecord[] {
  const random = randomFrom(SEED);
  return Array.from({ length: ROWS / READINGS_PER_RECORD }, (_, record) => {
    const readings = Array.from({ length: READINGS_PER_RECORD }, (_, index): WireReading => {
      const number = record * READINGS_PER_RECORD + index;
      return {
        type: "machine",
        machineId: `m-${String(number % MACHINES).padStart(3, "0")}`,
        siteId: "site-1",
        ts: new Date(START_MS + Math.floor(number / MACHINES) * 1000).toISOString(),
        values: {
          state: random() < 0.8 ? "running" : "idle",
          power_watts: Math.round(random() * 200_000) / 100,
          temperature_c: Math.round(random() * 8_000) / 100,
          cycle_count: number,
        },
      };
    });
    const value = Buffer.from(JSON.stringify(readings));
    return { topic, partition: record % PARTITIONS, headers: { source: "live" }, value };
  });
}

/** The rows as a text file for COPY, prepared before any clock runs. */
function fileOf(records: readonly NewRecord[]): Buffer {
  const lines = records.flatMap(({ partition, value }, record) => {
    const offset = BigInt(Math.floor(record / PARTITIONS));
    const logRef = packLogRef({ generation: 1, partition, offset });
    return (JSON.parse(value.toString()) as WireReading[]).map(
      ({ ts, machineId, siteId = "\\N", values }, ordinal) =>
        [
          ts,
          machineId,
          siteId,
          logRef,
          ordinal,
          ...METRICS.machine.map(({ name }) => values[name] ?? "\\N"),
        ].join("\t"),
    );
  });
  return Buffer.from(`${lines.join("\n")}\n`);
}

function median(figures: readonly number[]): number {
  return figures.toSorted((a, b) => a - b)[figures.length >> 1] ?? 0;
}

const round3 = (ratio: number) => Math.round(ratio * 1000) / 1000;
