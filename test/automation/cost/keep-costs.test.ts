import { expect } from "chai";
import pg from "pg";
import { CLOSE_AFTER_MS, closeDueMonths, keepDays } from "../../../automation/cost/keep-costs.ts";
import { billInputs } from "../../../automation/cost/bill-inputs.ts";
import { keepFormerTenancy } from "../../../data/catalog/billed-tenancy.ts";
import { closedBills, closedMonth, verifyMonth } from "../../../data/catalog/cost-month.ts";
import { lastKeptDayMs, totalsUntil } from "../../../data/catalog/cost-day.ts";
import { endStackCost, followStacks } from "../../../data/catalog/stack-cost.ts";
import { addTenant } from "../../../data/catalog/tenant.ts";
import { removeTenantRows } from "../../../data/catalog/tenant-rows.ts";
import { inTransaction } from "../../../data/pool.ts";
import { sumOf } from "../../../model/cost/bill.ts";
import { monthBill } from "../../../model/cost/month-bill.ts";
import { monthNamed, type Month } from "../../../model/cost/month.ts";
import { tenantId, type TenantId, type Tier } from "../../../model/tenant.ts";
import { testCatalog, type TestCatalog } from "../../support/catalog.ts";
import { newTenant } from "../../support/operations.ts";
import { monthlyUsd, testPricing } from "../../support/pricing.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const october = monthNamed("2026-10") as Month;
const silent = { info: () => undefined, warn: () => undefined };

describe("the bill of a month", () => {
  let test: TestCatalog;
  let service: pg.Pool;
  const pricing = testPricing();
  const deps = () => ({ service, pricingAt: () => pricing, logger: silent });

  beforeEach(async () => {
    test = await testCatalog();
    service = test.catalog.service;
    await service.query("insert into cell (name, tier, tenant_capacity) values ('shared-1', 'shared', 2)");
  });
  afterEach(() => test.catalog.close());

  /** A tenant whose stack stands since it was made. */
  async function tenant(name: string, createdAt: string, tier: Tier = "shared"): Promise<TenantId> {
    const id = tenantId.parse(name);
    await addTenant(service, newTenant(id, { tier }));
    await service.query("update tenant set created_at = $2 where tenant = $1", [id, createdAt]);
    await service.query(
      `insert into tenant_placement (tenant, cell, database, schema, epoch, state, has_stack)
       values ($1, 'shared-1', 'db', $1, 1, 'stable', true)`,
      [id],
    );
    await followStacks(service, pricing.stacks);
    await service.query("update stack_cost set from_at = $2 where about_tenant = $1 and until_at is null", [
      id,
      createdAt,
    ]);
    return id;
  }
  const used = (id: TenantId, day: string, rows: number, storageBytes = 0) =>
    service.query(
      `insert into usage_day (day, tenant, row_count, byte_count, query_count, query_ms, violation_count, storage_bytes,
                              held_query_count, cell_query_ms) values ($1, $2, $3, $3, 0, 0, 0, $4, 0, 0)`,
      [`${day}T00:00:00Z`, id, rows, storageBytes],
    );
  const platformSince = (at: string) =>
    service.query("update stack_cost set from_at = $1 where about_tenant is null", [at]);
  /** As the delete of an operation does it, at some time. */
  async function deleted(id: TenantId, at: string): Promise<void> {
    await inTransaction(service, async (tx) => {
      await endStackCost(tx, id);
      await keepFormerTenancy(tx, id);
      await removeTenantRows(tx, id);
    });
    await service.query("update former_tenancy set until_at = $2 where about_tenant = $1 and until_at > $2", [
      id,
      at,
    ]);
    await service.query("update stack_cost set until_at = $2 where about_tenant = $1 and until_at > $2", [
      id,
      at,
    ]);
  }

  it("has what stood, for the hours that it stood, and what was used", async () => {
    const acme = await tenant("acme", "2026-09-01T00:00:00Z");
    const globex = await tenant("globex", "2026-10-31T00:00:00Z", "dedicated");
    await platformSince("2026-09-01T00:00:00Z");
    await used(acme, "2026-10-10", 10_000_000);
    await used(acme, "2026-09-30", 5);
    const inputs = await billInputs(service, october, pricing);
    const bill = monthBill(inputs);

    // 744 h of a platform at 1 USD an hour, 24 h of a server at 0.10 USD, and 10 million requests at 0.20 USD a million
    expect(bill.total).to.equal(744_000_000 + 2_400_000 + 2_000_000);
    const [first, second] = bill.tenants;
    expect(first?.lines.map(({ kind, amount }) => [kind, amount])).to.deep.include(["used", 2_000_000]);
    expect(second).to.include({ tenant: globex, hours: 24 });
    expect(second?.lines.find(({ kind }) => kind === "own")).to.include({ of: "server", amount: 2_400_000 });
    // Of 2 places for 744 h they have taken 744 h and 24 h.
    const shared = bill.tenants.map(({ lines }) => sumOf(lines.filter(({ kind }) => kind === "shared")));
    expect([...shared, sumOf(bill.unattributed)]).to.deep.equal([372_000_000, 12_000_000, 360_000_000]);
    expect(inputs.tenancies.map(({ sharedPart }) => sharedPart)).to.deep.equal([1, 0]);
  });

  it("bills a tenant for the month in which it was deleted, and who has its id next for its own", async () => {
    const first = await tenant("acme", "2026-09-01T00:00:00Z");
    await platformSince("2026-09-01T00:00:00Z");
    const thisMonth = monthNamed(new Date().toISOString().slice(0, 7)) as Month;
    const today = new Date().toISOString().slice(0, 10);
    await used(first, today, 3_000_000, 500);
    await deleted(first, new Date().toISOString());
    const before = await service.query("select from usage_day");
    await tenant("acme", new Date(Date.now() + 1_000).toISOString());
    const inputs = await billInputs(service, thisMonth, pricing);

    expect(before.rowCount).to.equal(0);
    expect(inputs.tenancies.map(({ tenant: id, use }) => [id, use.readings])).to.deep.equal([
      ["acme", 3_000_000],
      ["acme", 0],
    ]);
    const [old, young] = monthBill(inputs).tenants;
    expect(old?.lines.find(({ kind }) => kind === "used")?.amount).to.equal(600_000);
    expect(young?.lines.filter(({ kind }) => kind === "used")).to.deep.equal([]);
  });

  it("begins a record when prices or the tier change, and ends it with the tenant", async () => {
    const acme = await tenant("acme", "2026-09-01T00:00:00Z");
    expect(await followStacks(service, pricing.stacks)).to.equal(0);
    const dearer = testPricing({ platform: [monthlyUsd("platform", 800)] });
    expect(await followStacks(service, dearer.stacks)).to.equal(2); // the platform's ended, and another began
    await service.query("update tenant set tier = 'dedicated'");
    expect(await followStacks(service, dearer.stacks)).to.equal(2);
    await deleted(acme, new Date().toISOString());
    expect(await followStacks(service, dearer.stacks)).to.equal(0);
    const { rows } = await service.query(
      "select stack, until_at is null as stands, lines -> 0 ->> 'of' as of from stack_cost order by 1, 2, 3",
    );
    expect(rows).to.deep.equal([
      { stack: "platform", stands: false, of: "platform" },
      { stack: "platform", stands: true, of: "platform" },
      { stack: "tenant-acme", stands: false, of: "server" },
      { stack: "tenant-acme", stands: false, of: null },
    ]);
  });

  it("is closed some hours after the month, once, and follows from what was kept of it ever after", async () => {
    const acme = await tenant("acme", "2026-10-01T00:00:00Z");
    await tenant("globex", "2026-10-31T00:00:00Z");
    await platformSince("2026-10-01T00:00:00Z");
    await used(acme, "2026-10-10", 10_000_000, 12_345);
    await closeDueMonths(deps(), october.toMs + CLOSE_AFTER_MS - 1);
    expect(await closedMonth(service, "2026-10")).to.equal(undefined);

    await closeDueMonths(deps(), october.toMs + CLOSE_AFTER_MS);
    const closed = await closedMonth(service, "2026-10");
    expect(closed).to.include({ total: 746_000_000, bookDate: "2026-11-20", region: "us-east-1" });
    const bills = await closedBills(service, "2026-10");
    expect(bills.map(({ tenant: id }) => id)).to.deep.equal(["acme", "globex"]);
    const { unattributed } = closed!;
    expect(sumOf(bills.flatMap(({ lines }) => lines)) + unattributed).to.equal(746_000_000);

    // What comes late changes nothing any more, nor does a second close.
    await used(acme, "2026-10-11", 99);
    await closeDueMonths(deps(), october.toMs + CLOSE_AFTER_MS);
    expect(await closedMonth(service, "2026-10")).to.deep.equal(closed);
    const verified = await verifyMonth(service, "2026-10");
    expect(verified).to.deep.equal({
      kept: closed?.sha256,
      recomputed: closed?.sha256,
      stored: closed?.sha256,
    });
    const spoilt = service.query("update cost_bill set total = 0");
    await spoilt.then(
      () => expect.fail("the service may change a bill"),
      (error: unknown) => expect((error as { code: string }).code).to.equal("42501"),
    );
  });

  it("closes the months that a long rest has left open, in their order", async () => {
    await tenant("acme", "2026-08-15T00:00:00Z");
    await platformSince("2026-08-15T00:00:00Z");
    await closeDueMonths(deps(), october.toMs + CLOSE_AFTER_MS);
    const { rows } = await service.query(
      "select month, total::float8 as total from cost_month order by month",
    );
    expect(rows).to.deep.equal([
      { month: "2026-08", total: 17 * 24 * 1e6 },
      { month: "2026-09", total: 720 * 1e6 },
      { month: "2026-10", total: 744 * 1e6 },
    ]);
  });

  it("keeps what each whole day came to, and corrects the last ones", async () => {
    const acme = await tenant("acme", "2026-10-01T00:00:00Z");
    await platformSince("2026-10-01T00:00:00Z");
    await keepDays(deps(), Date.parse("2026-10-04T12:00:00Z"));
    expect(await lastKeptDayMs(service)).to.equal(Date.parse("2026-10-03T00:00:00Z"));
    await used(acme, "2026-10-02", 5_000_000);
    await keepDays(deps(), Date.parse("2026-10-04T13:00:00Z"));
    const { rows } = await service.query(
      "select day::text, amount::float8 as amount from cost_day order by day",
    );
    expect(rows).to.deep.equal([
      // It has one place of two.
      { day: "2026-10-01", amount: 12_000_000 },
      { day: "2026-10-02", amount: 13_000_000 },
      { day: "2026-10-03", amount: 12_000_000 },
    ]);
    const totals = await totalsUntil(service, Date.parse("2026-10-03T00:00:00Z"), 2);
    expect(totals).to.deep.equal([
      { dayMs: Date.parse("2026-10-02T00:00:00Z"), amount: 25_000_000 }, // with the place that nobody has taken
      { dayMs: Date.parse("2026-10-03T00:00:00Z"), amount: 24_000_000 },
    ]);
    expect(await lastKeptDayMs(service)).to.equal(Date.parse("2026-10-04T00:00:00Z") - DAY_MS);
  });
});
