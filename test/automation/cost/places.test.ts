import { expect } from "chai";
import type pg from "pg";
import { billInputs } from "../../../automation/cost/bill-inputs.ts";
import { CLOSE_AFTER_MS, closeDueMonths } from "../../../automation/cost/keep-costs.ts";
import { registerCell } from "../../../data/catalog/cell.ts";
import { closedBills, closedMonth, verifyMonth } from "../../../data/catalog/cost-month.ts";
import { followStacks } from "../../../data/catalog/stack-cost.ts";
import { addTenant } from "../../../data/catalog/tenant.ts";
import { sumOf, type BillLine } from "../../../model/cost/bill.ts";
import { monthBill, type MonthBill } from "../../../model/cost/month-bill.ts";
import { monthNamed, type Month } from "../../../model/cost/month.ts";
import { testCatalog, type TestCatalog } from "../../support/catalog.ts";
import { newTenant } from "../../support/operations.ts";
import { monthlyUsd, testPricing } from "../../support/pricing.ts";

const october = monthNamed("2026-10") as Month;
const PAST_MS = Date.UTC(2026, 8, 1);

/** 1 USD an hour, by time alone. */
const security = monthlyUsd("platform", 730);
/** 2 USD an hour, by what is stored, asked and written. */
const databases: BillLine = { ...monthlyUsd("server", 1_460), component: "time-series" };

/** Two tenants, there since before October; one is used. */
describe("the places of the shared cells", () => {
  let test: TestCatalog;
  let service: pg.Pool;
  const pricing = testPricing({ platform: [security, databases] });

  beforeEach(async () => {
    test = await testCatalog();
    service = test.catalog.service;
    await registerCell(service, { name: "shared-1", tier: "shared", tenantCapacity: 10 });
    for (const id of ["acme", "globex"]) await addTenant(service, newTenant(id));
    await service.query("update tenant set created_at = to_timestamp($1)", [PAST_MS / 1_000]);
    await service.query(
      `insert into usage_day (day, tenant, row_count, byte_count, query_count, query_ms, violation_count, storage_bytes,
                              held_query_count, cell_query_ms)
       select timestamptz '2026-10-01T00:00:00Z' + n * interval '1 day', 'acme', 100000 * n, 0, 7, 1000, 0, 1000, 0, 0
         from generate_series(0, 30) n`,
    );
    await follow(PAST_MS);
  });
  afterEach(() => test.catalog.close());

  /** Writes down what stands, as if at some time. */
  async function follow(atMs: number, stacks = pricing.stacks): Promise<void> {
    await followStacks(service, stacks);
    await service.query(
      `update stack_cost set from_at = least(from_at, to_timestamp($1)),
              until_at = case when until_at > to_timestamp($1) then to_timestamp($1) else until_at end
        where from_at > now() - interval '1 minute' or until_at > now() - interval '1 minute'`,
      [atMs / 1_000],
    );
  }
  const grow = (name: string, tenantCapacity: number) =>
    registerCell(service, { name, tier: "shared", tenantCapacity });
  const billOf = async (fromMs: number, toMs: number) =>
    monthBill(await billInputs(service, { fromMs, toMs }, pricing));
  /** Of what is shared, by tenant; the platform's own comes last. */
  const shares = ({ tenants, unattributed }: MonthBill) => [
    ...tenants.map(({ lines }) => sumOf(lines.filter(({ kind }) => kind === "shared"))),
    sumOf(unattributed),
  ];
  const paid = ({ tenants, unattributed }: MonthBill) =>
    tenants.reduce((sum, { total }) => sum + total, sumOf(unattributed));

  it("change nothing in a month that is over, open or not", async () => {
    const before = await billOf(october.fromMs, october.toMs);
    await grow("shared-2", 100);
    await follow(october.toMs);
    expect(await billOf(october.fromMs, october.toMs)).to.deep.equal(before);

    // The clock was not there since: it finds the cell, and closes the month.
    const deps = {
      ...{ service, pricingAt: () => pricing },
      logger: { info: () => undefined, warn: () => undefined },
    };
    await grow("shared-3", 100);
    await closeDueMonths(deps, october.toMs + CLOSE_AFTER_MS);
    const bills = await closedBills(service, october.name);
    expect(bills).to.deep.equal(before.tenants);
  });

  it("count from the day on which they came, and leave what was before as it was", async () => {
    const middleMs = Date.UTC(2026, 9, 17);
    const first = await billOf(october.fromMs, middleMs);
    await grow("shared-2", 30);
    await follow(middleMs);
    const second = await billOf(middleMs, october.toMs);
    const whole = await billOf(october.fromMs, october.toMs);

    expect(await billOf(october.fromMs, middleMs)).to.deep.equal(first);
    // By time alone: a tenant has one place of 10 for 384 h, then one of 40 for 360 h.
    const ofGlobex = whole.tenants[1]?.lines.find(({ component }) => component === "security");
    expect(ofGlobex).to.include({ amount: 38_400_000 + 9_000_000 });
    expect(ofGlobex?.quantity).to.be.closeTo(38.4 + 9, 1e-9);
    const halves = shares(first).map((amount, index) => amount + (shares(second)[index] ?? 0));
    for (const [index, amount] of shares(whole).entries())
      expect(amount).to.be.closeTo(halves[index] ?? 0, 2);
    expect(whole.total).to.equal(paid(whole));
    expect(
      whole.tenants.map(({ lines }) => lines.filter(({ kind }) => kind === "shared").length),
    ).to.deep.equal([2, 2]);
  });

  it("that come within a day are of that day for its rest", async () => {
    await grow("shared-2", 30);
    await follow(Date.UTC(2026, 9, 17, 18)); // 10 places for 18 h and 40 for 6 h: 17.5
    const bill = await billOf(Date.UTC(2026, 9, 17), Date.UTC(2026, 9, 18));
    const { amount } = bill.tenants[1]!.lines.find(({ component }) => component === "security")!;
    expect(amount).to.be.closeTo(24e6 / 17.5, 1);
  });

  it("are closed with the month, and the bills follow from them ever after", async () => {
    await grow("shared-2", 30);
    const dearer = testPricing({ platform: [security, { ...databases, amount: 2 * databases.amount }] });
    await follow(Date.UTC(2026, 9, 11, 13, 37), dearer.stacks);
    await grow("shared-2", 90);
    await follow(Date.UTC(2026, 9, 21, 1), dearer.stacks);
    const deps = {
      ...{ service, pricingAt: () => pricing },
      logger: { info: () => undefined, warn: () => undefined },
    };
    await closeDueMonths(deps, october.toMs + CLOSE_AFTER_MS);
    const closed = await closedMonth(service, october.name);
    const bills = await closedBills(service, october.name);
    const total = bills.reduce((sum, bill) => sum + bill.total, closed!.unattributed);
    expect(total).to.equal(closed!.total);
    const { sha256 } = closed!;
    expect(await verifyMonth(service, october.name)).to.deep.equal({
      ...{ kept: sha256, recomputed: sha256, stored: sha256 },
    });
    const { rows } = await service.query<{ count: number }>(
      "select jsonb_array_length(inputs -> 'spans') as count from cost_month where month = $1",
      [october.name],
    );
    expect(rows[0]?.count).to.equal(5); // before, a day, between, a day, after
  });

  it("begin a record when they change, and only then", async () => {
    expect(await followStacks(service, pricing.stacks)).to.equal(0);
    await grow("shared-1", 11);
    expect(await followStacks(service, pricing.stacks)).to.equal(2);
    await registerCell(service, { name: "dedicated-1", tier: "dedicated", tenantCapacity: 1 });
    expect(await followStacks(service, pricing.stacks)).to.equal(0);
  });
});
