import { expect } from "chai";
import { closeDueMonths, CLOSE_AFTER_MS, keepDays } from "../../../automation/cost/keep-costs.ts";
import { followStacks } from "../../../data/catalog/stack-cost.ts";
import { monthNamed } from "../../../model/cost/month.ts";
import { NOW_MS, TestApi } from "../../support/api.ts";
import { testPricing } from "../../support/pricing.ts";

/** A platform of 1 USD an hour since the first of October, which is closed. */
describe("the check of a bill", () => {
  let api: TestApi;
  const october = monthNamed("2026-10")!;

  before(async () => {
    api = await TestApi.start();
    await api.tenant("acme");
    const { service } = api.catalog;
    const pricing = testPricing();
    await service.query("update tenant set created_at = '2026-10-01T00:00:00Z'");
    await followStacks(service, pricing.stacks);
    await service.query("update stack_cost set from_at = '2026-10-01T00:00:00Z'");
    const deps = {
      ...{ service, pricingAt: () => pricing },
      logger: { info: () => undefined, warn: () => undefined },
    };
    await keepDays(deps, NOW_MS);
    await closeDueMonths(deps, october.toMs + CLOSE_AFTER_MS);
  });
  after(() => api.close());

  const report = (usd: number, more = {}) => ({
    lines: [
      { owner: "shared", component: "security", price: "ec2/instance/r7g.large", usd },
      { owner: "acme", component: "network", price: "NatGateway-Bytes", usd: 10 },
    ],
    ...{ unmatchedUsd: 7, besidesUseUsd: 6, ...more },
  });
  const keep = (month: string, body: object, options = {}) =>
    api.call("PUT", `/v1/cost/actual/${month}`, body, options);
  const verification = (month: string) => api.call("GET", `/v1/cost/verification?month=${month}`);

  it("puts what was paid beside the estimate, with each line's error, and the newest report stands", async () => {
    expect((await api.call("GET", "/v1/cost?month=2026-10")).body.cost.actual).to.equal(null);
    expect((await keep("2026-10?dryRun=true", report(2))).body.comparison.total.actualUsd).to.equal(12);
    expect((await api.call("GET", "/v1/cost?month=2026-10")).body.cost.actual).to.equal(null);
    expect((await keep("2026-10", report(1))).status).to.equal(200);
    const { body } = await keep("2026-10", report(600));
    const { reportedAt, ...comparison } = body.comparison;
    expect(Date.parse(reportedAt)).to.be.a("number").and.not.NaN;
    expect(comparison).to.deep.equal({
      total: { estimateUsd: 744, actualUsd: 610, errorPercent: 21.97 },
      lines: [
        {
          ...{ owner: "shared", component: "security", price: "ec2/instance/r7g.large" },
          ...{ estimateUsd: 744, actualUsd: 600, errorPercent: 24 },
        },
        {
          ...{ owner: "acme", component: "network", price: "NatGateway-Bytes" },
          ...{ estimateUsd: 0, actualUsd: 10, errorPercent: -100 },
        },
      ],
      ...{ unmatchedUsd: 7, besidesUseUsd: 6 },
    });
    const { cost } = (await api.call("GET", "/v1/cost?month=2026-10")).body;
    expect(cost.actual).to.deep.equal(body.comparison);
    expect((await api.call("GET", "/v1/cost?month=2026-11")).body.cost.actual).to.equal(null);
  });

  it("takes no report of a month to come, of parts that are none, or from who may not check", async () => {
    const untaken: [string, object][] = [
      ["2026-12", report(1)],
      ["october", report(1)],
      ["2026-10", report(1, { lines: [{ owner: "shared", component: "coffee", price: "cup", usd: 1 }] })],
      ["2026-10", report(1e12)],
      ["2026-10", { lines: [] }],
    ];
    for (const [month, body] of untaken) expect((await keep(month, body)).status).to.equal(400);
    for (const role of ["tenant-admin", "sales"] as const) {
      const token = await api.key(role, role === "sales" ? undefined : "acme");
      expect((await keep("2026-10", report(1), { token })).status).to.equal(403);
    }
  });

  it("says of a closed month whether it is as it was closed, and which side was changed", async () => {
    const { status, body } = await verification("2026-10");
    expect(status).to.equal(200);
    expect(body).to.include({ month: "2026-10", isIntact: true });
    expect(body.kept)
      .to.match(/^[0-9a-f]{64}$/)
      .and.equal(body.recomputed);
    expect((await verification("2026-11")).status).to.equal(400);

    await api.catalog.service.query(
      `insert into cost_bill (month, about_tenant, since, hours, total, lines)
       values ('2026-10', 'ghost', '2026-10-02T00:00:00Z', 1, 5, '[]')`,
    );
    const changed = (await verification("2026-10")).body;
    expect(changed).to.include({ isIntact: false, recomputed: changed.kept });
    expect(changed.stored).not.to.equal(changed.kept);
  });
});
