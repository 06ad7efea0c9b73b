import { collectCell } from "../automation/metering/collect-cell.ts";
import { addTenant } from "../data/catalog/tenant.ts";
import { writeMinutes } from "../data/catalog/usage-minute.ts";
import { rollUpUsage } from "../data/catalog/usage-rollup.ts";
import { openQueryPool } from "../data/cell/cell-pool.ts";
import { queryReadings } from "../handlers/query/process.ts";
import { QueryMeter } from "../handlers/query/query-meter.ts";
import { tenantId } from "../model/tenant.ts";
import { testCatalog } from "../test/support/catalog.ts";
import { asCellRole, testCell, testTenant } from "../test/support/cell.ts";
import { newTenant } from "../test/support/operations.ts";
import { mochaHooks } from "../test/support/postgres.ts";
import type { BenchResult } from "./main.ts";
import { quantile, round } from "./statistics.ts";

const TENANTS = 1_000;
const ROUNDS = 20;
const QUERIES = 100; // of each side in a round
const MINUTE_MS = 60_000;

/**
 * What metering costs: a query of an empty table, which no work of its own hides it behind, with and without the meter, in
 * turns; and a minute of usage of a thousand tenants with two partitions each, from the cell into the catalog's hour.
 */
export async function run(): Promise<BenchResult> {
  const [{ catalog }, secret] = [await testCatalog(), await testCell()];
  const pool = openQueryPool(secret, "bench");
  try {
    const tenant = await testTenant(secret, "bench-acme");
    const meter = new QueryMeter((minutes) => writeMinutes(catalog.service, minutes));
    const ask = (spent: (ms: number) => void) =>
      queryReadings({ pool, now: Date.now, spent }, { tenant, epoch: 1n, type: "machine" });
    const ratios: number[] = [];
    for (let index = -1; index < ROUNDS; index++) {
      const bareMs = await timed(() => ask(() => undefined));
      const meteredMs = await timed(() => ask((ms) => meter.count(tenant, "shared-1", Date.now(), ms)));
      if (index >= 0) ratios.push(meteredMs / bareMs);
    }
    const tenants = Array.from({ length: TENANTS }, (_, index) => tenantId.parse(`bench-${index}`));
    for (const id of tenants) await addTenant(catalog.service, newTenant(id));
    const hourMs = Math.floor(Date.now() / (60 * MINUTE_MS)) * 60 * MINUTE_MS - 60 * MINUTE_MS;
    const collectMs: number[] = [];
    const rollUpMs: number[] = [];
    for (let minute = 0; minute < 60; minute += 3) {
      await asCellRole(secret, "admin", (client) =>
        client.query(MINUTE_OF_USAGE, [tenants, (hourMs + minute * MINUTE_MS) / 1000]),
      );
      const target = { name: "shared-1", secret, catalog: catalog.service };
      collectMs.push(await once(() => collectCell(target, { nowMs: Date.now(), measuresStorage: false })));
      rollUpMs.push(await once(() => rollUpUsage(catalog.service)));
    }
    return {
      figures: {
        queryRatioToUnmetered: round(quantile(ratios, 0.5), 3),
        collectMsP50: round(quantile(collectMs, 0.5), 0),
        rollUpMsP50: round(quantile(rollUpMs, 0.5), 0),
        rollUpMsMax: round(Math.max(...rollUpMs), 0),
      },
      context: {
        services: "embedded",
        tenants: TENANTS,
        rounds: ROUNDS,
        queries: QUERIES,
        minutesOfTheHour: 20,
      },
    };
  } finally {
    await Promise.all([pool.end(), catalog.close()]);
    await mochaHooks.afterAll();
  }
}

const MINUTE_OF_USAGE = `insert into millwright.usage (tenant, minute, topic, partition, row_count, byte_count)
  select tenant, to_timestamp($2::float8), tenant || '.readings.g1', p, 60, 9000
    from unnest($1::text[]) tenant, generate_series(0, 1) p`;

async function timed(work: () => Promise<unknown>): Promise<number> {
  return once(async () => {
    for (let index = 0; index < QUERIES; index++) await work();
  });
}

async function once(work: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await work();
  return performance.now() - startMs;
}
