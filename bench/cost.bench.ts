import { environmentCostWith } from "../automation/cost/environment.ts";
import { billInputs } from "../automation/cost/bill-inputs.ts";
import { pricingOf } from "../automation/cost/price-stacks.ts";
import { LOCAL_PLACE, quoteBasis } from "../automation/cost/quote-basis.ts";
import { registerCell } from "../data/catalog/cell.ts";
import { followStacks, type StackPrices } from "../data/catalog/stack-cost.ts";
import { addTenant } from "../data/catalog/tenant.ts";
import { sumOf, type BillLine } from "../model/cost/bill.ts";
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

const CELLS = 10;
const TENANTS_OF_CELL = 100;
const TENANTS = CELLS * TENANTS_OF_CELL;
const ROUNDS = 7;
const QUOTES = 300;

/**
 * The bill of a month of a thousand tenants in ten cells, each with usage on every day of it and of the year before: read from
 * the catalog, priced and split. In the middle of the month prices change, and the last of the cells comes. A quote among them,
 * with all that it reads, and what the environment costs, for which each create waits. And what the policy pack adds to a
 * preview.
 */
export async function run(): Promise<BenchResult> {
  const { catalog } = await testCatalog();
  try {
    const { service } = catalog;
    const month = monthOf(Date.UTC(2026, 10));
    const pricingFor = (cells: number) => pricingOf(LOCAL_PLACE)("2026-11-20", cells);
    const pricing = pricingFor(CELLS);
    const addCell = (cell: number) =>
      registerCell(service, { name: `shared-${cell}`, tier: "shared", tenantCapacity: TENANTS_OF_CELL });
    for (let cell = 1; cell < CELLS; cell++) await addCell(cell);
    for (let index = 0; index < TENANTS; index++) await addTenant(service, newTenant(`bench-${index}`));
    await service.query("update tenant set created_at = $1, state = 'ready'", [new Date(month.fromMs)]);
    await service.query(
      `insert into tenant_placement (tenant, cell, database, schema, epoch, state, has_stack)
       select tenant, 'shared-1', 'db', tenant, 1, 'stable', true from tenant`,
    );
    await followStacks(service, pricingFor(CELLS - 1).stacks);
    await addCell(CELLS);
    await followStacks(service, dearer(pricing.stacks));
    await service.query(
      `update stack_cost set from_at = case when until_at is null then $2 else $1::timestamptz end,
                             until_at = case when until_at is not null then $2::timestamptz end`,
      [new Date(month.fromMs), new Date((month.fromMs + month.toMs) / 2)],
    );
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
    const environmentMs: number[] = [];
    for (let look = 0; look < QUOTES; look++) {
      const startMs = performance.now();
      await environmentCostWith(service, LOCAL_PLACE, month.toMs - DAY_MS);
      environmentMs.push(performance.now() - startMs);
    }
    return {
      figures: {
        ...{ tenants: TENANTS, cells: CELLS },
        attribution1000TenantsMs: round(quantile(attributionMs, 0.5), 0),
        attribution1000TenantsMsMax: round(Math.max(...attributionMs), 0),
        quoteP50Ms: round(quantile(quoteMs, 0.5)),
        quoteP99Ms: round(quantile(quoteMs, 0.99)),
        environmentP50Ms: round(quantile(environmentMs, 0.5)),
        environmentP99Ms: round(quantile(environmentMs, 0.99)),
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

/** By another price book, all of it a tenth more. */
function dearer({ platform, tenant, ...book }: StackPrices): StackPrices {
  const raise = (lines: readonly BillLine[]) =>
    lines.map((line) => ({ ...line, amount: Math.round(line.amount * 1.1) }));
  return {
    ...{ ...book, bookDate: "2026-11-21", platform: raise(platform) },
    tenant: { shared: raise(tenant.shared), dedicated: raise(tenant.dedicated) },
  };
}

const USAGE = `insert into usage_day (day, tenant, row_count, byte_count, query_count, query_ms, violation_count,
                                      held_query_count, cell_query_ms, storage_bytes)
  select $1::timestamptz + n * interval '1 day', tenant, 1000000 + abs(hashtext(tenant)) % 1000000, 2e8::bigint, 5000,
         100000, 0, 10, 200000, 1e9::bigint
    from tenant, generate_series(-365, 29) n`;
