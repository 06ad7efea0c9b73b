import { LOCAL_PLACE } from "../automation/cost/quote-basis.ts";
import { evaluateTriggers } from "../automation/triggers/evaluate.ts";
import { replayStored } from "../automation/triggers/replay.ts";
import { addTenant } from "../data/catalog/tenant.ts";
import { putTriggers } from "../data/catalog/trigger-config.ts";
import { MillwrightError } from "../model/errors.ts";
import { DEFAULT_TRIGGERS } from "../model/trigger-config.ts";
import { testCatalog } from "../test/support/catalog.ts";
import { newTenant } from "../test/support/operations.ts";
import { mochaHooks } from "../test/support/postgres.ts";
import type { BenchResult } from "./main.ts";
import { quantile, round } from "./statistics.ts";

const TENANTS = 1_000;
const DAYS = 30;
const ROUNDS = 10;
const HOUR_MS = 3_600_000;
/** All metrics that there are, so that no column is left out. */
const TRIGGERS = {
  ...DEFAULT_TRIGGERS,
  upgrade: {
    ...DEFAULT_TRIGGERS.upgrade,
    rules: {
      ...DEFAULT_TRIGGERS.upgrade.rules,
      storageGb: { limit: 500, windowHours: 1 },
      databaseTimeShare: { limit: 0.5, windowHours: 6 },
    },
  },
};

/** Every tenant with usage in every hour of 30 days; one in a hundred passes a limit now and then. */
export async function run(): Promise<BenchResult> {
  const { catalog } = await testCatalog();
  try {
    for (let index = 0; index < TENANTS; index++)
      await addTenant(catalog.service, newTenant(`bench-${index}`));
    await catalog.service.query("update tenant set state = 'ready', created_at = now() - interval '1 year'");
    const toMs = Math.floor(Date.now() / HOUR_MS) * HOUR_MS;
    await catalog.service.query(USAGE, [new Date(toMs), DAYS * 24]);
    console.error(`${TENANTS * DAYS * 24} hours made`);
    await putTriggers(catalog.service, TRIGGERS, "bench");

    const startMove = () => Promise.reject(new MillwrightError("move-refused", "Nothing is moved here."));
    const deps = {
      catalog: catalog.service,
      startMove,
      dedicatedServerCount: undefined,
      pricedPlace: LOCAL_PLACE,
    };
    const logger = { info: () => undefined, warn: () => undefined };
    const evaluateMs: number[] = [];
    for (let minute = 0; minute < ROUNDS; minute++) {
      const startMs = performance.now();
      await evaluateTriggers({ ...deps, logger }, toMs + minute * 60_000);
      evaluateMs.push(performance.now() - startMs);
    }
    const startMs = performance.now();
    const replayed = await replayStored(catalog.service, deps, {
      fromMs: toMs - DAYS * 24 * HOUR_MS,
      toMs,
    });
    const replay30dMs = performance.now() - startMs;
    return {
      figures: {
        tenants: TENANTS,
        evaluateMs: round(quantile(evaluateMs, 0.5), 0),
        evaluateMsMax: round(Math.max(...evaluateMs), 0),
        replay30dMs: round(replay30dMs, 0),
      },
      context: {
        ...{ services: "embedded", days: DAYS, rounds: ROUNDS, decisions: replayed.decisions.length },
        metrics: Object.keys(TRIGGERS.upgrade.rules).length,
      },
    };
  } finally {
    await catalog.close();
    await mochaHooks.afterAll();
  }
}

const USAGE = `insert into usage_hour (hour, tenant, row_count, byte_count, query_count, query_ms, violation_count,
                                       held_query_count, cell_query_ms, storage_bytes)
  select $1::timestamptz - n * interval '1 hour', tenant, 1000000,
         (case when abs(hashtext(tenant)) % 100 = 0 then 5e9 else 1e8 end)::bigint, 3600, 1000,
         (abs(hashtext(tenant || n)) % 200 = 0)::int, 60, 200000, 1e9::bigint
    from tenant, generate_series(1, $2::int) n`;
