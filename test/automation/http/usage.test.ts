import { expect } from "chai";
import { writeMinutes } from "../../../data/catalog/usage-minute.ts";
import { rollUpUsage } from "../../../data/catalog/usage-rollup.ts";
import { NOW_MS, TestApi } from "../../support/api.ts";

const MINUTE_MS = 60_000;

describe("GET /v1/usage", () => {
  let api: TestApi;
  before(async () => {
    api = await TestApi.start();
    const tenant = await api.tenant("acme");
    await api.tenant("globex");
    const minute = (minutesAgo: number, rowCount: number) => ({
      ...{ tenant, cell: "shared-1", meter: "ingest", minuteMs: NOW_MS - minutesAgo * MINUTE_MS },
      ...{ rowCount, byteCount: rowCount * 100 },
    });
    await writeMinutes(api.catalog.service, [
      minute(1, 10),
      minute(2, 20),
      minute(90, 5),
      minute(25 * 60, 7),
    ]);
    await rollUpUsage(api.catalog.service);
  });
  after(() => api.close());

  const usage = async (query: string, options = {}) => {
    const answer = await api.call("GET", `/v1/usage?${query}`, undefined, options);
    return [
      answer.status,
      answer.body.usage?.map((one: { from: string; rowCount: number }) => [one.from, one.rowCount]),
    ];
  };

  it("answers the last 24 hours by hour, and minutes and days on demand", async () => {
    expect(await usage("tenant=acme")).to.deep.equal([
      200,
      [
        ["2026-11-21T08:00:00.000Z", 5],
        ["2026-11-21T09:00:00.000Z", 30],
      ],
    ]);
    expect(
      await usage("tenant=acme&per=minute&from=2026-11-21T09:00:00Z&to=2026-11-21T09:59:00Z"),
    ).to.deep.equal([200, [["2026-11-21T09:58:00.000Z", 20]]]);
    expect(await usage("tenant=acme&per=day&from=2026-11-20T12:00:00Z")).to.deep.equal([
      200,
      [
        ["2026-11-20T00:00:00.000Z", 7],
        ["2026-11-21T00:00:00.000Z", 35],
      ],
    ]);
  });

  it("shows a tenant its own usage only", async () => {
    const token = await api.key("viewer", "globex");
    expect(await usage("", { token })).to.deep.equal([200, []]);
    expect((await usage("tenant=acme", { token }))[0]).to.equal(404);
  });

  it("refuses ranges that are empty or too long", async () => {
    for (const range of [
      "from=2026-11-21T10:00:00Z&to=2026-11-21T09:00:00Z",
      "per=minute&from=2026-11-19T10:00:00Z",
      "per=hour&from=2026-01-01T00:00:00Z",
      "per=day&from=2020-01-01T00:00:00Z",
      "per=week",
    ])
      expect((await usage(`tenant=acme&${range}`))[0], range).to.equal(400);
  });
});
