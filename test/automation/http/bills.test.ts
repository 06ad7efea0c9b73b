import { parse } from "csv-parse/sync";
import { expect } from "chai";
import { closeDueMonths, CLOSE_AFTER_MS, keepDays } from "../../../automation/cost/keep-costs.ts";
import { followStacks } from "../../../data/catalog/stack-cost.ts";
import { FOCUS_COLUMNS } from "../../../model/cost/focus.ts";
import { monthNamed } from "../../../model/cost/month.ts";
import { NOW_MS, TestApi } from "../../support/api.ts";
import { testPricing } from "../../support/pricing.ts";

/** Two tenants since the first of October, one of them with readings, on a platform of 1 USD an hour. */
describe("GET /v1/cost", () => {
  let api: TestApi;
  const pricing = testPricing();
  const october = monthNamed("2026-10")!;

  before(async () => {
    api = await TestApi.start();
    for (const id of ["acme", "globex", "young"]) await api.tenant(id);
    const { service } = api.catalog;
    await service.query(
      `update tenant set created_at = case tenant when 'young' then timestamptz '2026-10-31T00:00:00Z'
                                             else '2026-10-01T00:00:00Z' end,
              budget_usd_per_month = case tenant when 'acme' then 1000 end`,
    );
    await followStacks(service, pricing.stacks);
    await service.query("update stack_cost set from_at = '2026-10-01T00:00:00Z'");
    await service.query(
      `insert into usage_day (day, tenant, row_count, byte_count, query_count, query_ms, violation_count,
                              held_query_count, cell_query_ms)
       values ('2026-10-10T00:00:00Z', 'acme', 10000000, 0, 0, 0, 0, 0, 0),
              ('2026-11-10T00:00:00Z', 'acme', 5000000, 0, 0, 0, 0, 0, 0)`,
    );
    const deps = {
      ...{ service, pricingAt: () => pricing },
      logger: { info: () => undefined, warn: () => undefined },
    };
    await keepDays(deps, NOW_MS);
    await closeDueMonths(deps, october.toMs + CLOSE_AFTER_MS);
  });
  after(() => api.close());

  const cost = async (query: string, options = {}) => {
    const { status, body } = await api.call("GET", `/v1/cost?${query}`, undefined, options);
    return { status, cost: body.cost };
  };
  type Line = { usd: number; microUsd: number; kind: string };
  const sum = (values: readonly number[]) =>
    Math.round(values.reduce((all, one) => all + one, 0) * 100) / 100;

  it("answers a tenant's lines of the running month, which add up, with budget, shares and forecast", async () => {
    const { status, cost: acme } = await cost("tenant=acme");
    expect(status).to.equal(200);
    expect(acme).to.include({ tenant: "acme", month: "2026-11", closedAt: null, budgetUsdPerMonth: 1000 });
    // 490 h of November are over: one of 100 places of 490 USD, and 5 million requests at 0.20 USD a million
    expect(acme.lines.map(({ kind, usd }: Line) => [kind, usd])).to.deep.equal([
      ["shared", 4.9],
      ["used", 1],
    ]);
    expect(acme).to.include({ totalUsd: 5.9, sharedUsd: 4.9, to: "2026-11-21T10:00:00.000Z" });
    expect(acme.shares[0]).to.include({ component: "security", usd: 4.9 });
    expect(acme.shares[0].part).to.be.closeTo(0.01, 1e-6);
    // 230 h to come at a cent. Requests of 1 and 2 USD came on a Tuesday and a Saturday, but not the last ones: at most the
    // one Tuesday and the 38 h of Saturday that are left bring them again.
    expect(acme.forecast).to.deep.equal({ lowUsd: 8.2, expectedUsd: 8.2, highUsd: 12.37 });
  });

  it("answers all tenants' totals to the platform, which add up to the bill", async () => {
    const { cost: all } = await cost("month=2026-10");
    expect(all.totalUsd).to.equal(746);
    expect(all.closedAt).to.be.a("string");
    expect(all.sha256).to.match(/^[0-9a-f]{64}$/);
    expect(all.stacks).to.deep.equal([
      { owner: "shared", component: "security", usd: 744 },
      { owner: "shared", component: "functions", usd: 2 },
    ]);
    const totals = all.tenants.map((one: { totalUsd: number }) => one.totalUsd);
    expect(all.tenants.map(({ hours }: { hours: number }) => hours)).to.deep.equal([744, 744, 24]);
    expect(sum([...totals, all.unattributedUsd])).to.equal(746);
    const { cost: acme } = await cost("tenant=acme&month=2026-10");
    expect(acme.totalUsd).to.equal(totals[0]);
    expect(sum(acme.lines.map(({ usd }: Line) => usd))).to.equal(acme.totalUsd);
    expect(acme.forecast).to.equal(null);
  });

  it("answers the environment's budget, and what the running month comes to at its end", async () => {
    const { cost: all } = await cost("month=2026-11");
    expect(all.budgetUsdPerMonth).to.equal(50_000);
    // 490 h of November are over, 230 to come at 1 USD; of requests those that the last weeks had.
    expect(all.forecast.expectedUsd).to.be.closeTo(Number(all.totalUsd) + 230, 0.01);
    expect(all.forecast.highUsd).to.be.above(all.forecast.expectedUsd);
    expect((await cost("month=2026-10")).cost.forecast).to.equal(null);
  });

  it("shows a tenant its own bill only", async () => {
    const token = await api.key("viewer", "globex");
    expect((await cost("", { token })).cost).to.include({ tenant: "globex", month: "2026-11" });
    expect((await cost("tenant=acme", { token })).status).to.equal(404);
    const { text } = await api.call("GET", "/v1/cost/export?format=csv", undefined, { token });
    expect(text).to.include("globex").and.not.include("acme");
    const machine = await api.key("machine", "globex");
    expect((await cost("", { token: machine })).status).to.equal(403);
  });

  it("refuses months that are none or have not begun, and tenants that are not there", async () => {
    for (const month of ["2026-13", "2026-1", "november", "2026-12", "2099-01"])
      expect((await cost(`tenant=acme&month=${month}`)).status, month).to.equal(400);
    expect((await cost("tenant=nobody")).status).to.equal(404);
  });

  it("sends a deleted tenant's last bill to the platform's people", async () => {
    await api.catalog.service.query("delete from tenant where tenant = 'young'");
    const { status, cost: young } = await cost("tenant=young&month=2026-10");
    expect(status).to.equal(200);
    expect(young).to.include({ hours: 24, since: "2026-10-31T00:00:00.000Z", budgetUsdPerMonth: null });
  });

  it("exports all lines as CSV, also by Accept", async () => {
    const { text } = await api.call("GET", "/v1/cost/export?month=2026-10");
    const rows = parse<Record<string, string>>(text, { columns: true });
    expect(rows.reduce((all, row) => all + Math.round(Number(row["usd"]) * 1e6), 0)).to.equal(746e6);
    expect(new Set(rows.map((row) => row["tenant"]))).to.deep.equal(new Set(["acme", "globex", "young", ""]));
    const accepted = await api.call("GET", "/v1/cost?month=2026-10", undefined, {
      headers: { Accept: "text/csv" },
    });
    expect(accepted.text).to.equal(text);
  });

  it("exports rows that keep the rules of FOCUS 1.2, and add up to the bill", async () => {
    const { text } = await api.call("GET", "/v1/cost/export?month=2026-10&format=focus");
    const rows = parse<Record<string, string>>(text, { columns: true });
    expect(Object.keys(rows[0]!)).to.deep.equal([...FOCUS_COLUMNS]);
    for (const column of MANDATORY) expect(rows[0]).to.have.property(column);
    for (const row of rows) {
      for (const [column, value] of Object.entries(row)) {
        if (NOT_NULL.has(column)) expect(value, column).to.not.equal("");
        if (DECIMAL.test(column)) expect(value, column).to.match(/^-?\d+(\.\d+)?(E-?\d+)?$/);
        if (/(Start|End)$/.test(column))
          expect(value, column).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
      }
      expect(row).to.include({ BillingCurrency: "USD", ChargeCategory: "Usage", ChargeClass: "" });
      expect(["One-Time", "Recurring", "Usage-Based"]).to.include(row["ChargeFrequency"]);
      expect(["Standard", "Dynamic", "Committed", "Other"]).to.include(row["PricingCategory"]);
      const product = Number(row["PricingQuantity"]) * Number(row["ListUnitPrice"]);
      expect(product).to.be.closeTo(Number(row["ListCost"]), 1e-6);
      for (const value of Object.values(JSON.parse(row["Tags"]!) as object)) expect(value).to.be.a("string");
      expect(Date.parse(row["ChargePeriodEnd"]!)).to.be.at.most(Date.parse(row["BillingPeriodEnd"]!));
    }
    expect(rows.reduce((all, row) => all + Math.round(Number(row["BilledCost"]) * 1e6), 0)).to.equal(746e6);
  });
});

/** Feature level "Mandatory" in the columns' definitions of FOCUS 1.2. */
const MANDATORY = [
  ...["BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency", "BillingPeriodEnd"],
  ...["BillingPeriodStart", "ChargeCategory", "ChargeClass", "ChargeDescription", "ChargePeriodEnd"],
  ...[
    "ChargePeriodStart",
    "ContractedCost",
    "EffectiveCost",
    "InvoiceIssuerName",
    "ListCost",
    "PricingQuantity",
  ],
  ...["PricingUnit", "ProviderName", "PublisherName", "ServiceCategory", "ServiceName"],
];
/** "Allows nulls: False", and those that must not be null in a row of usage. */
const NOT_NULL = new Set([
  ...MANDATORY.filter(
    (column) => !["ChargeClass", "BillingAccountName", "ChargeDescription"].includes(column),
  ),
  ...["BillingAccountType", "ChargeFrequency", "ServiceSubcategory", "SkuId", "SkuPriceId", "ListUnitPrice"],
  ...["ContractedUnitPrice", "ConsumedQuantity", "ConsumedUnit", "PricingCategory", "RegionId"],
]);
const DECIMAL = /(Cost|Quantity|UnitPrice)$/;
