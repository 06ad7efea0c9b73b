import { expect } from "chai";
import type pg from "pg";
import { keepDays } from "../../../automation/cost/keep-costs.ts";
import { watchSpending } from "../../../automation/cost/watch-spending.ts";
import { followStacks } from "../../../data/catalog/stack-cost.ts";
import { listSystemEvents } from "../../../data/catalog/system-event.ts";
import { addTenant } from "../../../data/catalog/tenant.ts";
import { testCatalog, type TestCatalog } from "../../support/catalog.ts";
import { newTenant } from "../../support/operations.ts";
import { testPricing } from "../../support/pricing.ts";

describe("watching over spending", () => {
  let test: TestCatalog;
  let service: pg.Pool;
  const pricing = testPricing();
  const deps = () => ({
    ...{ service, pricingAt: () => pricing },
    logger: { info: () => undefined, warn: () => undefined },
  });

  beforeEach(async () => {
    test = await testCatalog();
    service = test.catalog.service;
  });
  afterEach(() => test.catalog.close());

  /** The only tenant: all of a platform that costs 1 USD an hour is its. */
  async function since(at: string, budgetUsdPerMonth: number | null): Promise<void> {
    await addTenant(service, newTenant("acme", { budgetUsdPerMonth }));
    await service.query("update tenant set created_at = $1", [at]);
    await followStacks(service, pricing.stacks);
    await service.query("update stack_cost set from_at = $1", [at]);
  }
  /** As the clock of the platform would: what the days came to, then a look. */
  async function lookAt(at: string): Promise<void> {
    await keepDays(deps(), Date.parse(at));
    await watchSpending(deps(), Date.parse(at));
  }
  async function told(): Promise<unknown[]> {
    const { items } = await listSystemEvents(service, { limit: 100, cursor: undefined });
    return items.toReversed().map(({ event, detail }) => [event, detail["percent"] ?? detail["usd"]]);
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
});
