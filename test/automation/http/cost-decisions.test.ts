import { expect } from "chai";
import { registerCell } from "../../../data/catalog/cell.ts";
import { followStacks } from "../../../data/catalog/stack-cost.ts";
import { pricingOf } from "../../../automation/cost/price-stacks.ts";
import { LOCAL_PLACE } from "../../../automation/cost/quote-basis.ts";
import { NOW_MS, TestApi } from "../../support/api.ts";

const DAY_MS = 86_400_000;

describe("decisions about cost", () => {
  let api: TestApi;
  before(async () => {
    api = await TestApi.start({ nowMs: () => NOW_MS });
    const { service } = api.catalog;
    await registerCell(service, { name: "shared-1", tier: "shared", tenantCapacity: 100 });
    await registerCell(service, { name: "empty-1", tier: "dedicated", tenantCapacity: 1 });
    for (const id of ["acme", "globex"]) await api.tenant(id);
    await service.query("update tenant set created_at = to_timestamp($1)", [(NOW_MS - 20 * DAY_MS) / 1_000]);
    await service.query(
      `insert into tenant_placement (tenant, cell, database, schema, epoch, state)
       select tenant, 'shared-1', 'readings', 'tenant_' || tenant, 1, 'stable' from tenant on conflict do nothing`,
    );
    // Twenty days at a tenth of a connection, with 10 GB: servers and volumes are far too large.
    await service.query(
      `insert into usage_hour (hour, tenant, row_count, byte_count, query_count, query_ms, violation_count, storage_bytes,
                               held_query_count, cell_query_ms)
       select to_timestamp($1) - n * interval '1 hour', 'acme', 10, 1000, 5, 100, 0, 10::bigint << 30, 0, 360000
         from generate_series(1, 480) n`,
      [NOW_MS / 1_000],
    );
    const { stacks } = pricingOf(LOCAL_PLACE)("2026-11-21");
    await followStacks(service, stacks);
    await service.query("update stack_cost set from_at = to_timestamp($1)", [(NOW_MS - 10 * DAY_MS) / 1_000]);
  });
  after(() => api.close());

  const get = (path: string, options = {}) => api.call("GET", `/v1/cost/${path}`, undefined, options);

  describe("the projection", () => {
    it("answers the documents' numbers of tenants, and where each assumption is from", async () => {
      const { status, body } = await get("projection");
      expect(status).to.equal(200);
      expect(body.points.map(({ tenants }: { tenants: number }) => tenants)).to.deep.equal([
        ...[3, 10, 50, 100, 1_000],
      ]);
      expect(body.assumptions.budgetUsdPerMonth).to.deep.equal({ value: 50_000, from: "document 000" });
      expect([body.region, body.priceBook]).to.deep.equal(["us-east-1", "2026-11-20"]);
    });

    it("takes other assumptions, and says which they are", async () => {
      const query = "projection?tenants=3,10&priceUsdPerTenant=2000&labourUsdPerMonth=0&investmentUsd=0";
      const { body } = await get(query);
      expect(body.points).to.have.length(2);
      expect(body.assumptions.priceUsdPerTenant).to.deep.equal({ value: 2_000, from: "request" });
      expect(body.assumptions.machinesPerTenant.from).to.include("document 000");
      expect(body.breakEven.tenants).to.equal(2); // 2 × 2,000 for 2,670
      expect(body.returnOnInvestment.ratio).to.equal(null);
    });

    it("refuses what is no number of tenants, and what it does not know", async () => {
      for (const query of ["tenants=0", "tenants=3,", "tenants=2001", "tenants=x", "machinesPerTenant=0"])
        expect((await get(`projection?${query}`)).status, query).to.equal(400);
      expect((await get("projection?price=3")).status).to.equal(400);
      const { status, body } = await get("projection?region=ap-south-1");
      expect([status, body.code]).to.deep.equal([422, "price-book-missing"]);
    });
  });

  it("compares the options, and has every sum of the documents with its verdict", async () => {
    const { status, body } = await get("options");
    expect(status).to.equal(200);
    expect(body.options.map(({ id }: { id: string }) => id)).to.deep.equal([
      "A",
      "B",
      "C",
      "D",
      "Millwright",
    ]);
    const total = body.statements.find(({ id }: { id: string }) => id === "004/total");
    expect([total.printed, total.verdict, Math.round(total.computed[0])]).to.deep.equal([
      "$3,965",
      "corrected",
      4_286,
    ]);
    expect(body.components).to.have.length(7);
  });

  it("recommends by what was measured", async () => {
    const { status, body } = await get("recommendations");
    expect(status).to.equal(200);
    const found = body.recommendations.map(({ kind, subject }: { kind: string; subject: string }) => [
      kind,
      subject,
    ]);
    expect(found).to.deep.include.members([
      ["cell-empty", "empty-1"],
      ["servers-oversized", "shared-1"],
      ["volume-oversized", "shared-1"],
    ]);
    const [first] = body.recommendations;
    expect(first.savingUsd.expected).to.be.above(0);
  });

  it("prints a page that nothing can run in", async () => {
    const { status, headers, text } = await get("report");
    expect(status).to.equal(200);
    expect(headers.get("content-type")).to.include("text/html");
    expect(headers.get("content-security-policy")).to.include("default-src 'none'");
    expect(text).to.not.match(/<script|javascript:| on[a-z]+=|https?:\/\//i);
    expect(text.match(/<svg/g)).to.have.length(3); // by component, by tenant, the curve
    for (const part of ["acme", "globex", "time-series", "Break-even", "4,286", "servers-oversized"])
      expect(text).to.include(part);
    expect(text).to.include("@page { size: A4");
  });

  it("prints the newest month whose bill was reported, beside its estimate", async () => {
    expect((await get("report")).text).to.include("No bill was reported yet");
    const lines = [{ owner: "shared", component: "network", price: "nat/hours", usd: 1_234.5 }];
    const report = { lines, unmatchedUsd: 0, besidesUseUsd: 0 };
    for (const month of ["2026-10", "2026-11"])
      expect((await api.call("PUT", `/v1/cost/actual/${month}`, report)).status).to.equal(200);
    const { text } = await get("report");
    expect(text)
      .to.include("Estimate and bill of 2026-11")
      .and.match(/1,23[45]/);
  });

  it("are for sales and platform admins", async () => {
    const sales = await api.key("sales");
    const admin = await api.key("tenant-admin", "acme");
    for (const path of ["projection", "options", "recommendations", "report"]) {
      expect((await get(path, { token: sales })).status, path).to.equal(200);
      expect((await get(path, { token: admin })).status, path).to.equal(403);
    }
  });
});
