import { setTimeout as sleep } from "node:timers/promises";
import { alertEngine } from "../handlers/alert/process.ts";
import { alertPlant } from "../test/support/alert-plant.ts";
import { eventually } from "../test/support/eventually.ts";
import { mochaHooks } from "../test/support/postgres.ts";
import type { BenchResult } from "./main.ts";

const RULES = 50;
const READINGS = 400;
const PERIOD_MS = 20;

/**
 * One tenant's machine flaps and brings 10,000 alerts at once, each raised, returned and queued for a channel; another
 * tenant has one alert at a time, a new one every 20 ms. How long does that one wait to be durable, counted from its
 * append? Readings are in the log before the engine starts, so the flood is one delivery of it.
 */
export async function run(): Promise<BenchResult> {
  const plant = await alertPlant();
  const [flapping, neighbour] = [await plant.newTenant(), await plant.newTenant()];
  for (let rule = 0; rule < RULES; rule++) await flapping.rule({ limit: 80 + rule / RULES });
  await flapping.channel("http://127.0.0.1:9/");
  await neighbour.rule();
  for (let n = 0; n < READINGS; n++) await flapping.report(n, { temperature_c: n % 2 === 0 ? 99 : 20 });

  const stop = new AbortController();
  const batchMs: number[] = [];
  const observe = { onBatch: ({ durationMs }: { durationMs: number }) => void batchMs.push(durationMs) };
  const engine = alertEngine({ pool: plant.catalog.service, log: plant.log, observe });
  const startedAt = performance.now();
  const consuming = plant.log.consume(engine.subscription, stop.signal);
  const flood = { isOver: false };
  const sending = (async () => {
    for (let n = 0; !flood.isOver; n++) {
      await neighbour.report(n, { temperature_c: n % 2 === 0 ? 99 : 20 });
      await sleep(PERIOD_MS);
    }
  })();
  await eventually(
    "the flood is over",
    async () => {
      const { rows } = await plant.catalog.service.query<{ next: bigint }>(
        "select next_offset as next from alert_position where tenant = $1",
        [flapping.tenant],
      );
      return rows[0]?.next === BigInt(READINGS);
    },
    120_000,
  );
  const floodSeconds = (performance.now() - startedAt) / 1000;
  flood.isOver = true;
  await sending;
  await neighbour.caughtUp();
  stop.abort();
  await consuming;

  const waits = (await neighbour.alerts())
    .map(({ times }) => (times.committed ?? Infinity) - times.appended)
    .sort((a, b) => a - b);
  const count = async (table: string) => {
    const sql = `select count(*)::int as count from ${table} where tenant = $1`;
    const { rows } = await plant.catalog.service.query<{ count: number }>(sql, [flapping.tenant]);
    return rows[0]?.count ?? 0;
  };
  const figures = {
    neighbourP50Ms: waits[Math.floor(waits.length * 0.5)] ?? NaN,
    neighbourMaxMs: waits.at(-1) ?? NaN,
    neighbourAlerts: waits.length,
    longestBatchMs: Math.round(Math.max(...batchMs)),
    batches: batchMs.length,
    floodSeconds: Math.round(floodSeconds * 100) / 100,
    floodAlerts: await count("alert"),
    floodDeliveries: await count("delivery"),
  };
  await plant.close();
  await mochaHooks.afterAll();
  return { figures, context: { rules: RULES, readings: READINGS } };
}
