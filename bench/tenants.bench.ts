import { setTimeout as delay } from "node:timers/promises";
import { openPool } from "../data/pool.ts";
import type { EventLog, NewRecord } from "../data/event-log/event-log.ts";
import { partitionOf } from "../model/partition.ts";
import { DataPlane, PARTITIONS, type PlaneTenant } from "../test/support/data-plane/plane.ts";
import { randomFrom } from "../test/support/seed.ts";
import type { BenchOptions, BenchResult } from "./main.ts";
import { quantile, round } from "./statistics.ts";

const TENANTS = 500;
const READINGS_PER_SECOND = 2; // of each tenant
const MACHINES = 15;
const SECONDS = 30;
const SEED = 20_261_121;
const TICK_MS = 10;
/** How exactly a commit's time is seen. */
const WATCH_MS = 50;
/** More than this behind when the sending ends is not keeping up. */
const ALLOWED_LAG_MS = 2_000;
const TITLES = {
  embedded: "embedded PostgreSQL and log, durable",
  real: "Kafka and TimescaleDB, durable",
};

/**
 * Many small tenants on one handler host, which runs ingest, alert engine and dispatcher as production does: how long
 * after its append a reading is committed in its tenant's table, seen from outside by the stored positions.
 */
export async function run({ services: pair }: BenchOptions): Promise<BenchResult> {
  const plane = await DataPlane.start({ pair, onSmallDisk: false });
  try {
    const tenants = await manyTenants(plane);
    return await measure(plane, tenants, TITLES[pair]);
  } finally {
    await plane.close();
  }
}

/** One after the other: grants on the one database do not mix (XX000, tuple concurrently updated). */
async function manyTenants(plane: DataPlane): Promise<readonly PlaneTenant[]> {
  const tenants: PlaneTenant[] = [];
  while (tenants.length < TENANTS) {
    tenants.push(await plane.addTenant(`tenant-${tenants.length}`));
    if (tenants.length % 100 === 0) console.error(`${tenants.length} tenants made`);
  }
  return tenants;
}

async function measure(
  plane: DataPlane,
  tenants: readonly PlaneTenant[],
  services: string,
): Promise<BenchResult> {
  const host = await plane.startHost();
  const log = plane.openLog();
  const watcher = new CommitWatcher(plane);
  try {
    const records = readingsOf(tenants);
    // Each tenant's tables get their first partition, each cache its first entry.
    await sendFor(log, watcher, records, (TENANTS / READINGS_PER_SECOND / 100) * 1_000);
    await watcher.allSeen();
    console.error(`first readings took up to ${round(Math.max(...watcher.delaysMs))} ms`);
    watcher.delaysMs.length = 0;

    let peakRssBytes = 0;
    const sampling = setInterval(() => {
      void host.rssBytes().then((bytes) => (peakRssBytes = Math.max(peakRssBytes, bytes)));
    }, 1_000);
    const appendMs = await sendFor(log, watcher, records, SECONDS * 1_000);
    const lag = watcher.waitingCount;
    const lagStart = performance.now();
    await watcher.allSeen();
    const lagMs = performance.now() - lagStart;
    clearInterval(sampling);

    const { delaysMs } = watcher;
    return {
      figures: {
        tenants: TENANTS,
        commitDelayP50Ms: round(quantile(delaysMs, 0.5)),
        commitDelayP99Ms: round(quantile(delaysMs, 0.99)),
        commitDelayMaxMs: round(Math.max(...delaysMs)),
        peakRssMb: round(peakRssBytes / 2 ** 20),
        keptUp: lagMs <= ALLOWED_LAG_MS,
        readingsPerSecond: round(delaysMs.length / SECONDS),
        appendP99Ms: round(quantile(appendMs, 0.99)),
      },
      context: {
        ...{ services, seconds: SECONDS, seed: SEED },
        ...{ readingsPerSecondOfEach: READINGS_PER_SECOND, machines: MACHINES, partitions: PARTITIONS },
        ...{ waitingAtTheEnd: lag, watchedEveryMs: WATCH_MS },
      },
    };
  } finally {
    watcher.stop();
    await log.close();
  }
}

/** One reading of each tenant in turn, without end: a record each, as single machines send. */
function* readingsOf(tenants: readonly PlaneTenant[]): Generator<NewRecord> {
  const random = randomFrom(SEED);
  for (let number = 0; ; number++) {
    for (const { topic } of tenants) {
      const machineId = `m-${String(number % MACHINES).padStart(3, "0")}`;
      const reading = {
        ...{ type: "machine", machineId, siteId: "site-1", ts: new Date().toISOString() },
        values: {
          state: random() < 0.8 ? "running" : "idle",
          power_watts: Math.round(random() * 200_000) / 100,
          temperature_c: Math.round(random() * 8_000) / 100,
          cycle_count: number,
        },
      };
      const partition = partitionOf(machineId, PARTITIONS);
      yield { topic, partition, headers: { source: "live" }, value: Buffer.from(JSON.stringify(reading)) };
    }
  }
}

/** Sends at the wanted rate; what a stall has held back follows it. Answers how long each append took. */
async function sendFor(
  log: EventLog,
  watcher: CommitWatcher,
  records: Generator<NewRecord>,
  forMs: number,
): Promise<readonly number[]> {
  const appendMs: number[] = [];
  const appending = new Set<Promise<void>>();
  const startMs = performance.now();
  let sentCount = 0;
  for (;;) {
    const elapsedMs = performance.now() - startMs;
    if (elapsedMs >= forMs) break;
    const dueCount = Math.floor((elapsedMs / 1_000) * TENANTS * READINGS_PER_SECOND);
    for (; sentCount < dueCount; sentCount++) {
      const record = records.next().value as NewRecord;
      const sentMs = performance.now();
      const appended = log.append([record]).then(() => {
        appendMs.push(performance.now() - sentMs);
        watcher.appended(record);
        appending.delete(appended);
      });
      appending.add(appended);
    }
    await delay(TICK_MS);
  }
  await Promise.all(appending);
  return appendMs;
}

/** Sees by the stored positions when a record of a partition is committed; knows nothing of the handlers. */
class CommitWatcher {
  readonly delaysMs: number[] = [];
  readonly #pool;
  readonly #appendedMs = new Map<string, number[]>();
  readonly #stored = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;
  waitingCount = 0;

  constructor(plane: DataPlane) {
    this.#pool = openPool(plane.cellAdmin, { applicationName: "bench-watcher", max: 1 });
    let isLooking = false;
    this.#timer = setInterval(() => {
      if (isLooking) return;
      isLooking = true;
      void this.#look().finally(() => (isLooking = false));
    }, WATCH_MS);
  }

  appended({ topic, partition }: NewRecord): void {
    const key = `${topic} ${partition}`;
    const times = this.#appendedMs.get(key) ?? [];
    this.#appendedMs.set(key, times);
    times.push(performance.now());
    this.waitingCount += 1;
  }

  async allSeen(): Promise<void> {
    while (this.waitingCount > 0) await delay(WATCH_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    void this.#pool.end();
  }

  async #look(): Promise<void> {
    const { rows } = await this.#pool.query<{ topic: string; partition: number; next: number }>(
      "select topic, partition, next_offset::float8 as next from millwright.log_position",
    );
    const nowMs = performance.now();
    for (const { topic, partition, next } of rows) {
      const key = `${topic} ${partition}`;
      const times = this.#appendedMs.get(key) ?? [];
      for (let offset = this.#stored.get(key) ?? 0; offset < next; offset++) {
        const appendedMs = times[offset];
        if (appendedMs === undefined) break; // committed before the producer has heard of its append
        this.delaysMs.push(nowMs - appendedMs);
        this.waitingCount -= 1;
        this.#stored.set(key, offset + 1);
      }
    }
  }
}
