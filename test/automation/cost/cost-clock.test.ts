import { expect } from "chai";
import pg from "pg";
import { keepCosts } from "../../../automation/cost/keep-costs.ts";
import { totalsUntil } from "../../../data/catalog/cost-day.ts";
import { lastClosedMonth } from "../../../data/catalog/cost-month.ts";
import { followStacks } from "../../../data/catalog/stack-cost.ts";
import { listSystemEvents } from "../../../data/catalog/system-event.ts";
import type { Repeated } from "../../../data/wait.ts";
import { testCatalog, type TestCatalog } from "../../support/catalog.ts";
import { eventually } from "../../support/eventually.ts";
import { testPricing } from "../../support/pricing.ts";

/** A platform of 1 USD an hour since more than two months, with a budget that it is above. */
describe("the clock that keeps costs", () => {
  let test: TestCatalog;
  let service: pg.Pool;
  let owner: pg.Client;
  let warnings: string[];
  let clock: Repeated | undefined;
  const pricing = testPricing();

  beforeEach(async () => {
    test = await testCatalog();
    service = test.catalog.service;
    warnings = [];
    clock = undefined;
    owner = new pg.Client({ ...test.admin, options: "-c search_path=catalog" });
    await owner.connect();
    await followStacks(service, pricing.stacks);
    await service.query("update stack_cost set from_at = now() - interval '70 days'");
  });
  afterEach(async () => {
    await clock?.stop();
    await owner.end();
    await test.catalog.close();
  });

  function start(everyMs?: number): Repeated {
    const deps = { service, pricingAt: () => pricing, environmentBudgetUsd: 0 };
    const warn = (_facts: unknown, message?: string) => void warnings.push(String(message));
    return keepCosts({ ...deps, logger: { info: () => undefined, warn } }, everyMs);
  }
  const events = async () =>
    (await listSystemEvents(service, { limit: 100, cursor: undefined })).items.map(({ event }) => event);
  const done = async () => ({
    days: (await totalsUntil(service, Date.now(), 90)).length > 0,
    close: (await lastClosedMonth(service)) !== undefined,
    watch: (await events()).includes("budget.reached"),
  });

  it("keeps the days, closes months and watches over budgets", async () => {
    await start().stop(); // after its first turn
    expect(await done()).to.deep.equal({ days: true, close: true, watch: true });
    expect(warnings).to.deep.equal([]);
  });

  const broken: readonly [string, string, string, object][] = [
    ["the days", "cost_day_total", "what the days came to was not kept", { days: false }],
    ["a close", "cost_month", "no month was closed", { close: false }],
    ["watching", "system_event", "nobody looked at budgets", { watch: false }],
    ["what stands", "stack_cost", "what stands was not written down", {}],
  ];
  for (const [name, table, failure, missing] of broken)
    it(`goes on with all others when ${name} fails, says so, and makes up for it`, async () => {
      await owner.query(`revoke insert, update on ${table} from millwright_service`);
      await start().stop();
      expect(await done()).to.deep.equal({ days: true, close: true, watch: true, ...missing });
      expect(warnings).to.deep.equal([`${failure}; tried again`]);

      clock = start(10);
      await eventually("a second try", () => warnings.length > 2);
      await owner.query(`grant insert, update on ${table} to millwright_service`);
      await eventually("all to be done", async () => Object.values(await done()).every(Boolean));
      expect(new Set(warnings)).to.have.length(1);
    });
});
