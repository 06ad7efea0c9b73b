import { expect } from "chai";
import { registerCell } from "../../../data/catalog/cell.ts";
import { TestApi } from "../../support/api.ts";

interface Range {
  readonly low: number;
  readonly expected: number;
  readonly high: number;
}

describe("quotes", () => {
  let api: TestApi;
  before(async () => {
    api = await TestApi.start();
    await registerCell(api.catalog.service, { name: "shared-1", tier: "shared", tenantCapacity: 100 });
  });
  after(() => api.close());

  const quote = (body: object, options = {}) => api.call("POST", "/v1/cost/quote", body, options);
  const expected = (ranges: readonly { readonly usdPerMonth: Range }[]) =>
    ranges.reduce((sum, { usdPerMonth }) => sum + usdPerMonth.expected, 0);

  it("add up: what the tenant adds and its part of what is shared, line by line", async () => {
    const { status, body } = await quote({ machines: 15, priceUsdPerMonth: 1_500 });
    expect(status).to.equal(200);
    const { lines, shares, marginalUsdPerMonth, shareUsdPerMonth, totalUsdPerMonth, margin } = body.quote;
    expect(expected(lines)).to.be.closeTo(marginalUsdPerMonth.expected, 1e-6);
    expect(expected(shares)).to.be.closeTo(shareUsdPerMonth.expected, 1e-6);
    const total = Number(marginalUsdPerMonth.expected) + Number(shareUsdPerMonth.expected);
    expect(totalUsdPerMonth.expected).to.be.closeTo(total, 1e-6);
    expect(margin.usdPerMonth).to.be.closeTo(1_500 - total, 1e-6);
    expect(body.quote.byTier.dedicated.expected).to.be.above(body.quote.byTier.shared.expected);
    expect(body.quote.priceBook).to.equal("2026-11-20");
  });

  it("say from how many machines on a database of its own is cheaper, and from when it is needed", async () => {
    const { body } = await quote({ machines: 15 });
    const { dedicatedCheaperFromMachines: from, dedicatedNecessaryFrom } = body.quote;
    const byTier = async (machines: number) => (await quote({ machines })).body.quote.byTier;
    const [below, at] = [await byTier(from - 1), await byTier(from)];
    expect(below.dedicated.expected).to.be.above(below.shared.expected);
    expect(at.dedicated.expected).to.be.at.most(at.shared.expected);
    // 100 GB of 2 ** 30 bytes a day, at 200 bytes a second of each machine.
    expect(dedicatedNecessaryFrom).to.deep.equal({
      machines: Math.floor((100 * 2 ** 30) / (86_400 * 200)) + 1,
      because: "GB a day above 100",
    });
  });

  it("take other assumptions, and answer which were taken", async () => {
    const usual = (await quote({ machines: 15 })).body.quote;
    const busy = (await quote({ machines: 15, assumptions: { readingsPerMachineSecond: 10 } })).body.quote;
    expect(busy.assumptions.readingsPerMachineSecond).to.equal(10);
    expect(busy.usage.readings).to.equal(10 * usual.usage.readings);
    expect(busy.totalUsdPerMonth.expected).to.be.above(usual.totalUsdPerMonth.expected);
    const wrong = await quote({ machines: 15, assumptions: { readingsPerMachineSecond: -1, luck: 3 } });
    expect(wrong.status).to.equal(400);
  });

  it("name what has no price, and a region without prices", async () => {
    const london = await quote({ machines: 15, region: "eu-west-2" });
    expect([london.status, london.body.code]).to.deep.equal([422, "price-missing"]);
    const missing = [...String(london.body.detail).matchAll(/'([^']+)', which .+? needs/g)].map(
      ([, key]) => key,
    );
    expect(missing).to.include.members(["cloudwatch/dashboards", "msk/storage", "s3/glacier-storage"]);
    const nowhere = await quote({ machines: 15, region: "eu-north-1" });
    expect([nowhere.status, nowhere.body.code]).to.deep.equal([422, "price-book-missing"]);
    expect(nowhere.body.detail).to.match(/eu-north-1/);
  });

  it("are for the way by which readings come, and say what no bill has of it", async () => {
    const of = async (more: object) => (await quote({ machines: 15, ...more })).body.quote;
    const [usual, iot] = [await of({}), await of({ entrance: "iot" })];
    expect([usual.entrance, iot.entrance], "the local target's machines call its API").to.deep.equal([
      "http",
      "iot",
    ]);
    expect(iot.lines.map(({ price }: { price: string }) => price)).to.include("iot/messages");
    expect(iot.gaps.join(" ")).to.match(/On bills all readings are calls of the API.*IoT Core's connections/);
    expect((await quote({ machines: 15, entrance: "fax" })).status).to.equal(400);
  });

  it("grow as history fills up, and say what a tier has no room for", async () => {
    const { growth, totalUsdPerMonth, shortfalls } = (await quote({ machines: 400 })).body.quote;
    expect(growth.map(({ month }: { month: number }) => month)).to.deep.equal([
      1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
    ]);
    expect(growth[0].usdPerMonth).to.be.below(growth[1].usdPerMonth);
    expect(growth[11].usdPerMonth).to.be.within(growth[10].usdPerMonth, totalUsdPerMonth.expected);
    expect(shortfalls).to.deep.equal({ shared: null, dedicated: null });
    expect((await quote({ machines: 20_000 })).body.quote.shortfalls.shared).to.match(/stores 3,742 GB/);
  });

  it("count the servers of each shared database: room for twice as many costs a tenant the same", async () => {
    const timeSeries = async () => {
      const { shares } = (await quote({ machines: 15 })).body.quote;
      return shares.find(({ component }: { component: string }) => component === "time-series");
    };
    const one = await timeSeries();
    await registerCell(api.catalog.service, { name: "shared-2", tier: "shared", tenantCapacity: 100 });
    const two = await timeSeries();
    expect(two.wholeUsdPerMonth.expected).to.be.closeTo(2 * one.wholeUsdPerMonth.expected, 0.01);
    expect(two.usdPerMonth.expected).to.be.closeTo(one.usdPerMonth.expected, 0.01);
  });

  it("are for those who sell, and no tenant's credential", async () => {
    const token = await api.key("tenant-admin", await api.tenant("acme"));
    expect((await quote({ machines: 15 }, { token })).status).to.equal(403);
  });

  it("stand in the answer of a create that is tried out", async () => {
    const tryOut = (budgetUsdPerMonth: number) =>
      api.call("POST", "/v1/tenants?dryRun=true", {
        ...{ id: "globex", name: "Globex", tier: "shared", machines: 15, budgetUsdPerMonth },
      });
    const { totalUsdPerMonth } = (await quote({ machines: 15 })).body.quote;
    expect((await tryOut(1_500)).body.quote.totalUsdPerMonth).to.deep.equal(totalUsdPerMonth);
    expect((await tryOut(0)).status, "a budget of 0").to.equal(400);
  });
});
