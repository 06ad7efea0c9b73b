import { expect } from "chai";
import { LOCAL_PLACE } from "../../../automation/cost/quote-basis.ts";
import { registerCell } from "../../../data/catalog/cell.ts";
import { environmentCost } from "../../../model/cost/environment-cost.ts";
import { usdOf } from "../../../model/cost/money.ts";
import { bookOf } from "../../../model/cost/price-books.ts";
import { NO_USAGE } from "../../../model/cost/usage.ts";
import { TestApi } from "../../support/api.ts";

describe("what the environment costs", () => {
  let api: TestApi;
  before(async () => {
    api = await TestApi.start();
    await registerCell(api.catalog.service, { name: "shared-1", tier: "shared", tenantCapacity: 100 });
  });
  after(() => api.close());

  const environment = async () => (await api.call("GET", "/v1/cost/environment")).body.environment;
  const of = (machines: readonly number[]) =>
    environmentCost(
      {
        book: bookOf({ region: "us-east-1", date: "2026-11-21" }),
        ...{ preset: LOCAL_PLACE.preset, entrance: LOCAL_PLACE.entrance },
        sharedCells: 1,
      },
      machines.map((count) => ({ machines: count, ownDatabases: 0, measured: NO_USAGE })),
    );

  it("is answered as the platform's stack needs it: without tenants nothing, and each from its create on", async () => {
    const empty = await environment();
    expect(empty).to.deep.equal({
      ...{ currency: "USD", tenantsUsdPerMonth: 0, budgetUsdPerMonth: 50_000 },
      platformUsdPerMonth: usdOf(of([]).platform),
    });
    for (const [id, machines] of [
      ["acme", 15],
      ["globex", 4_000],
    ] as const) {
      const body = { id, name: id, tier: "shared", machines };
      expect((await api.call("POST", "/v1/tenants", body)).status).to.equal(202);
    }
    const { tenantsUsdPerMonth, ...rest } = await environment();
    expect(tenantsUsdPerMonth).to.be.closeTo(usdOf(of([15, 4_000]).tenants), 1e-6);
    expect(rest.platformUsdPerMonth).to.equal(empty.platformUsdPerMonth);
  });

  it("is for those who sell, and for no tenant's credential", async () => {
    const status = async (token: string) =>
      (await api.call("GET", "/v1/cost/environment", undefined, { token })).status;
    expect(await status(await api.key("sales"))).to.equal(200);
    expect(await status(await api.key("tenant-admin", await api.tenant("initech")))).to.equal(403);
  });
});
