import { expect } from "chai";
import pg from "pg";
import { billInputs } from "../../../automation/cost/bill-inputs.ts";
import { pricingOf } from "../../../automation/cost/price-stacks.ts";
import { LOCAL_PLACE } from "../../../automation/cost/quote-basis.ts";
import { followStacks } from "../../../data/catalog/stack-cost.ts";
import { addTenant } from "../../../data/catalog/tenant.ts";
import { monthBill } from "../../../model/cost/month-bill.ts";
import { NO_OTHERS, quoteTenant } from "../../../model/cost/quote.ts";
import { ENTRANCES, type Entrance } from "../../../model/cost/entrance.ts";
import { MACHINES_PER_PLACE } from "../../../model/cost/share.ts";
import type { MonthlyUsage } from "../../../model/cost/usage.ts";
import { DAY_MS } from "../../../model/duration.ts";
import { tenantId, TIERS, type Tier } from "../../../model/tenant.ts";
import { testCatalog, type TestCatalog } from "../../support/catalog.ts";
import { newTenant } from "../../support/operations.ts";

const ACME = tenantId.parse("acme");
const PLACES = 200;
/** Its months are, on average, those of 730 h that a quote is for. */
const YEAR = { fromMs: Date.UTC(2025, 0), toMs: Date.UTC(2026, 0) };
const MONTHS = 12;
/** Each is a row: fewer than are assumed. */
const NOTIFICATIONS_PER_MACHINE = 0.5;

describe("the bill of a tenant that uses what it was quoted for", () => {
  const pricingBy = (entrance: Entrance) => pricingOf({ ...LOCAL_PLACE, entrance })("2026-11-22");
  let test: TestCatalog;
  let service: pg.Pool;
  beforeEach(async () => {
    test = await testCatalog();
    service = test.catalog.service;
    await service.query("insert into cell (name, tier, tenant_capacity) values ('shared-1', 'shared', $1)", [
      PLACES,
    ]);
  });
  afterEach(() => test.catalog.close());

  const quote = (tier: Tier, machines: number, entrance: Entrance) =>
    quoteTenant(
      {
        ...{ book: pricingBy(entrance).book, preset: LOCAL_PLACE.preset, entrance },
        plan: { places: PLACES, machinesPerPlace: MACHINES_PER_PLACE },
        ...{ sharedCells: 1, others: NO_OTHERS, limits: {} },
      },
      { tier, machines, assumptions: { notificationsPerMachine: NOTIFICATIONS_PER_MACHINE } },
    );

  /** There since `since`, with stacks that stand, and use metered on each day as much as on another. */
  async function metered(tier: Tier, use: MonthlyUsage, since: number, untilMs = YEAR.toMs): Promise<void> {
    await addTenant(service, newTenant(ACME, { tier }));
    await service.query("update tenant set created_at = $2 where tenant = $1", [ACME, new Date(since)]);
    await service.query(
      `insert into tenant_placement (tenant, cell, database, schema, epoch, state, has_stack)
       values ($1, 'shared-1', 'db', $1, 1, 'stable', true)`,
      [ACME],
    );
    await followStacks(service, pricingBy("http").stacks);
    await service.query("update stack_cost set from_at = coalesce(since, $1)", [new Date(since)]);
    const days = (YEAR.toMs - YEAR.fromMs) / DAY_MS / MONTHS;
    await service.query(
      `insert into usage_day (day, tenant, row_count, byte_count, query_count, query_ms, violation_count, storage_bytes,
                              held_query_count, cell_query_ms)
       select day, $1, $4, $5, $6, $7, 0, $8, 0, 0
         from generate_series($2::timestamptz, $3::timestamptz - interval '1 day', interval '24 hours') day`,
      [
        ...[ACME, new Date(since), new Date(untilMs)],
        ...[use.readings, use.logBytes, use.queries].map((sum) => Math.round(sum / days)),
        ...[use.queryMs / days, Math.round(use.storageBytes)],
      ],
    );
    const admin = new pg.Client({ ...test.admin, options: "-c search_path=catalog" });
    await admin.connect();
    await admin.query("set session_replication_role = replica"); // without the alerts and the channel that they are of
    await admin.query(
      `insert into delivery (tenant, delivery, channel, event, created_at, first_tried_at)
       select $1, n::text, 'hook', 'channel.test', at, at
         from generate_series(1, $2::int) n, lateral (select $3::timestamptz + n * interval '1 minute' as at) t`,
      [ACME, Math.round(use.notifications * MONTHS), new Date(YEAR.fromMs)],
    );
    await admin.end();
  }
  const bill = async (entrance: Entrance) =>
    monthBill(await billInputs(service, YEAR, pricingBy(entrance))).tenants[0];
  for (const entrance of ENTRANCES)
    for (const tier of TIERS)
      for (const machines of [1, 15, 400, 5_000])
        it(`is the quote, within two thousandths: ${tier}, ${machines} machines by ${entrance}`, async () => {
          const { usage, cost } = quote(tier, machines, entrance);
          await metered(tier, usage, YEAR.fromMs - 400 * DAY_MS);
          const billed = (await bill(entrance))?.total ?? 0;
          // Connections to IoT Core are on no bill.
          expect(billed / MONTHS / cost.total.expected).to.be.closeTo(1, 0.002);
        });
});
