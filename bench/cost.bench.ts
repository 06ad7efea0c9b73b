import { billInputs } from "../automation/cost/bill-inputs.ts";
import { pricingOf } from "../automation/cost/price-stacks.ts";
import { LOCAL_PLACE, quoteBasis } from "../automation/cost/quote-basis.ts";
import { registerCell } from "../data/catalog/cell.ts";
import { followStacks } from "../data/catalog/stack-cost.ts";
import { addTenant } from "../data/catalog/tenant.ts";
import { sumOf } from "../model/cost/bill.ts";
import { monthBill } from "../model/cost/month-bill.ts";
import { monthOf } from "../model/cost/month.ts";
import { quoteTenant } from "../model/cost/quote.ts";
import { DAY_MS } from "../model/duration.ts";
import { testCatalog } from "../test/support/catalog.ts";
import { newTenant } from "../test/support/operations.ts";
import { mochaHooks } from "../test/support/postgres.ts";
import { measureGate } from "./cost/gate-time.ts";
import type { BenchResult } from "./main.ts";
import { quantile, round } from "./statistics.ts";

const TENANTS = 1_000;
const ROUNDS = 7;
const QUOTES = 300;

/**
 * The bill of a month of a thousand tenants, each with usage on every day: read from the catalog, priced and split. A quote among
 * them, with all that it reads. And what
 * the policy pack adds to a preview.
 */
export async function run(): Promise<BenchResult> {
  const { catalog } = await testCatalog();
  try {
    const { service } = catalog;
    const month = monthOf(Date.UTC(2026, 10));
    const pricing = pricingOf(LOCAL_PLACE)("2026-11-20");
    for (let cell = 1; cell <= 5; cell++)
      await registerCell(service, { name: `shared-${cell}`, tier: "shared", tenantCapacity: 200 });
    for (let index = 0; index < TENANTS; index++) await addTenant(service, newTenant(`bench-${index}`));
    await service.query("update tenant set created_at = $1, state = 'ready'", [new Date(month.fromMs)]);
    await service.query(
      `insert into tenant_placement (tenant, cell, database, schema, epoch, state, has_stack)
       select tenant, 'shared-1', 'db', tenant, 1, 'stable', true from tenant`,
    );
    await followStacks(service, pricing.stacks);
    await service.query("update stack_cost set from_at = $1", [new Date(month.fromMs)]);
    await service.query(USAGE, [new Date(month.fromMs)]);
    await service.query("analyze usage_day");

    const attributionMs: number[] = [];
    let lineCount = 0;
    let differenceMicroUsd = 0;
    for (let roundNumber = 0; roundNumber < ROUNDS; roundNumber++) {
      const startMs = performance.now();
      const bill = monthBill(await billInputs(service, month, pricing));
      attributionMs.push(performance.now() - startMs);
      lineCount = bill.tenants.reduce((sum, { lines }) => sum + lines.length, 0);
      const paid = bill.tenants.reduce((sum, { total }) => sum + total, sumOf(bill.unattributed));
      differenceMicroUsd = bill.total - paid;
    }
    const quoteMs: number[] = [];
    for (let quote = 0; quote < QUOTES; quote++) {
      const startMs = performance.now();
      const basis = await quoteBasis(service, LOCAL_PLACE, month.toMs - DAY_MS);
      quoteTenant(basis, { tier: "shared", machines: 1 + (quote % 500), assumptions: {} });
      quoteMs.push(performance.now() - startMs);
    }
    return {
      figures: {
        tenants: TENANTS,
        attribution1000TenantsMs: round(quantile(attributionMs, 0.5), 0),
        attribution1000TenantsMsMax: round(Math.max(...attributionMs), 0),
        quoteP50Ms: round(quantile(quoteMs, 0.5)),
        quoteP99Ms: round(quantile(quoteMs, 0.99)),
        lineCount,
        differenceMicroUsd,
        ...(await measureGate()),
      },
      context: { services: "embedded", days: 30, rounds: ROUNDS },
    };
  } finally {
    await catalog.close();
    await mochaHooks.afterAll();
  }
}

const USAGE = `insert into usage_day (day, tenant, row_count, byte_count, query_count, query_ms, violation_count,
                                      held_query_count, cell_query_ms, storage_bytes)
  select $1::timestamptz + n * interval '1 day', tenant, 1000000 + abs(hashtext(tenant)) % 1000000, 2e8::bigint, 5000,
         100000, 0, 10, 200000, 1e9::bigint
    from tenant, generate_series(0, 29) n`;
