import { expect } from "chai";
import type pg from "pg";
import { keepDays } from "../../../automation/cost/keep-costs.ts";
import { watchSpending } from "../../../automation/cost/watch-spending.ts";
import { inTenant } from "../../../data/catalog/catalog.ts";
import { followStacks } from "../../../data/catalog/stack-cost.ts";
import { listSystemEvents, type SystemEvent } from "../../../data/catalog/system-event.ts";
import { addTenant } from "../../../data/catalog/tenant.ts";
import { tenantId } from "../../../model/tenant.ts";
import { testCatalog, type TestCatalog } from "../../support/catalog.ts";
import { newTenant } from "../../support/operations.ts";
import { testPricing } from "../../support/pricing.ts";

describe("watching over spending", () => {
  let test: TestCatalog;
  let service: pg.Pool;
  let environmentBudgetUsd: number;
  const pricing = testPricing();
  const deps = () => ({
    ...{ service, pricingAt: () => pricing, environmentBudgetUsd },
    logger: { info: () => undefined, warn: () => undefined },
  });

  beforeEach(async () => {
    test = await testCatalog();
    service = test.catalog.service;
    environmentBudgetUsd = 50_000;
  });
  afterEach(() => test.catalog.close());

  /** The only tenant: all of a platform that costs 1 USD an hour is its. */
  async function since(at: string, budgetUsdPerMonth: number | null): Promise<void> {
    await addTenant(service, newTenant("acme", { budgetUsdPerMonth }));
    await service.query("update tenant set created_at = $1", [at]);
    await platformSince(at);
  }
  async function platformSince(at: string): Promise<void> {
    await followStacks(service, pricing.stacks);
    await service.query("update stack_cost set from_at = $1", [at]);
  }
  /** As the clock of the platform would: what the days came to, then a look. */
  async function lookAt(at: string): Promise<void> {
    await keepDays(deps(), Date.parse(at));
    await watchSpending(deps(), Date.parse(at));
  }
  async function events(): Promise<(readonly [string, string | null, SystemEvent["detail"]])[]> {
    const { items } = await listSystemEvents(service, { limit: 100, cursor: undefined });
    return items.toReversed().map(({ event, tenant, detail }) => [event, tenant, detail]);
  }
  async function told(): Promise<unknown[]> {
    return (await events()).map(([event, , detail]) => [event, detail["percent"] ?? detail["usd"]]);
  }

  it("tells of 50, 80 and 100 % once a month, and of a month that will end above", async () => {
    await since("2026-11-01T00:00:00Z", 480);
    await lookAt("2026-11-02T00:00:00Z");
    expect(await told()).to.deep.equal([["budget.endangered", undefined]]);
    await lookAt("2026-11-11T00:00:00Z");
    await lookAt("2026-11-11T01:00:00Z");
    expect((await told()).slice(1)).to.deep.equal([["budget.reached", 50]]);
    await lookAt("2026-11-21T00:00:00Z"); // was away while 80 % were passed
    expect((await told()).slice(2)).to.deep.equal([
      ["budget.reached", 80],
      ["budget.reached", 100],
    ]);
    await lookAt("2026-12-21T00:00:00Z");
    expect((await told()).slice(4)).to.have.length(3);
  });

  it("takes the first cent for all of a budget of 0, and says nothing where there is no budget", async () => {
    await since("2026-11-01T00:00:00Z", 0);
    await lookAt("2026-11-01T01:00:00Z");
    expect(await told()).to.deep.equal([50, 80, 100].map((percent) => ["budget.reached", percent]));
    await service.query("update tenant set budget_usd_per_month = null");
    await lookAt("2026-12-20T00:00:00Z");
    expect(await told()).to.have.length(3);
  });

  it("tells once of a day that came to much more than such days do", async () => {
    await since("2026-10-01T00:00:00Z", null);
    await service.query(
      `insert into usage_day (day, tenant, row_count, byte_count, query_count, query_ms, violation_count,
                              held_query_count, cell_query_ms)
       values ('2026-11-10T00:00:00Z', 'acme', 500000000, 0, 0, 0, 0, 0, 0)`,
    );
    await lookAt("2026-11-10T12:00:00Z");
    expect(await told()).to.deep.equal([]);
    await lookAt("2026-11-11T02:00:00Z");
    await lookAt("2026-11-11T03:00:00Z");
    expect(await told()).to.deep.equal([["cost.leapt", 124]]);
  });

  it("tells of the environment's budget, without a tenant, once a month each", async () => {
    environmentBudgetUsd = 480;
    await platformSince("2026-11-01T00:00:00Z"); // no tenant yet: all of it is the platform's own
    await lookAt("2026-11-02T00:00:00Z");
    const facts = { month: "2026-11", budgetUsd: 480 };
    expect(await events()).to.deep.equal([
      ["budget.endangered", null, { ...facts, spentUsd: 24, forecastUsd: 720 }],
    ]);
    await lookAt("2026-11-11T00:00:00Z");
    await lookAt("2026-11-11T01:00:00Z");
    expect((await events()).slice(1)).to.deep.equal([
      ["budget.reached", null, { ...facts, spentUsd: 240, percent: 50 }],
    ]);
    await lookAt("2026-11-21T00:00:00Z");
    expect((await told()).slice(2)).to.deep.equal([
      ["budget.reached", 80],
      ["budget.reached", 100],
    ]);
    await lookAt("2026-12-21T00:00:00Z");
    expect((await told()).slice(4)).to.have.length(3);
  });

  it("counts for the environment what tenants pay and what none does, and for a tenant its own part", async () => {
    await service.query("insert into cell (name, tier, tenant_capacity) values ('shared-1', 'shared', 2)");
    await since("2026-11-01T00:00:00Z", 720); // half of the places: 360 USD of 720
    environmentBudgetUsd = 721;
    await lookAt("2026-11-02T00:00:00Z");
    expect(await told()).to.deep.equal([]);
    environmentBudgetUsd = 720;
    await lookAt("2026-11-02T00:00:00Z");
    expect((await events()).map(([event, tenant]) => [event, tenant])).to.deep.equal([
      ["budget.endangered", null],
    ]);
    await lookAt("2026-11-16T00:00:00Z");
    expect((await events()).slice(1).map(([event, tenant]) => [event, tenant])).to.deep.equal([
      ["budget.reached", null],
    ]);
  });

  it("foresees nothing by the part of a day on which the platform was made", async () => {
    environmentBudgetUsd = 100;
    await platformSince("2026-11-01T18:00:00Z");
    await lookAt("2026-11-02T00:00:00Z");
    expect(await told()).to.deep.equal([]);
    await lookAt("2026-11-03T00:00:00Z");
    expect((await events()).map(([, , detail]) => detail["forecastUsd"])).to.deep.equal([30 + 28 * 24]);
  });

  it("tells no tenant", async () => {
    environmentBudgetUsd = 1;
    await since("2026-11-01T00:00:00Z", null);
    await lookAt("2026-11-02T00:00:00Z");
    expect(await told()).to.have.length(3);
    const read = inTenant(test.catalog, tenantId.parse("acme"), (tx) => tx.query("select from system_event"));
    expect(String(await read.catch((error: unknown) => error))).to.contain("permission denied");
  });
});
