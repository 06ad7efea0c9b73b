import { gzipSync } from "node:zlib";
import { expect } from "chai";
import type { ReadingsRequest } from "../../../handlers/query/process.ts";
import { MillwrightError } from "../../../model/errors.ts";
import { NOW_MS, TestApi } from "../../support/api.ts";

const at = (offsetMs: number) => new Date(NOW_MS + offsetMs).toISOString();
const reading = (machineId: string, more: object = {}) => ({
  type: "machine",
  machineId,
  siteId: "site-1",
  ts: at(0),
  values: { state: "running", power_watts: 1500.5, temperature_c: 61.2, cycle_count: 42 },
  ...more,
});

describe("POST /v1/data", () => {
  let api: TestApi;
  let token: string;
  before(async () => {
    api = await TestApi.start();
    await api.tenant("acme");
    await api.tenant("globex");
    token = await api.key("machine", "acme");
  });
  after(() => api.close());
  beforeEach(() => (api.appended.length = 0));

  it("puts readings into their tenant's topic, each machine into one partition, in order", async () => {
    const readings = Array.from({ length: 100 }, (_, i) =>
      reading(`m-${i % 10}`, { values: { cycle_count: i } }),
    );
    const answer = await api.call("POST", "/v1/data", { readings }, { token });
    expect([answer.status, answer.body]).to.deep.equal([202, { accepted: 100, rejected: [] }]);
    const stored = api.readingsOf("acme");
    expect(new Set(stored.map(({ partition }) => partition)).size).to.equal(2);
    for (const machineId of readings.map((sent) => sent.machineId)) {
      const own = stored.filter((record) => record.reading.machineId === machineId);
      expect(own.map((record) => record.reading)).to.deep.equal(
        readings.filter((sent) => sent.machineId === machineId),
      );
      expect(new Set(own.map(({ partition }) => partition)).size).to.equal(1);
    }
    expect(stored[0]?.headers).to.include({ "produced-at": String(NOW_MS), source: "live" });
    expect(stored[0]?.headers).to.not.have.property("batch-id");
  });

  it("says itself whose a record in a shared topic is, whatever the client says", async () => {
    await api.tenant("sharing", "shared");
    const key = await api.key("machine", "sharing");
    const headers = { tenant: "globex", generation: "1", "batch-id": "tenant=globex" };
    const readings = [reading("m-1"), reading("m-2")];
    const answer = await api.call("POST", "/v1/data", { readings }, { token: key, headers });
    expect(answer.status).to.equal(202);
    expect(api.appended.map(({ topic }) => topic)).to.include("shared.readings.g128");
    for (const record of api.appended)
      expect([record.headers["tenant"], record.headers["generation"]]).to.deep.equal(["sharing", "1"]);
    api.appended.length = 0;
    const forged = [reading("m-1", { tenant: "globex" }), reading("m-1", { tenantId: "globex" })];
    const { body } = await api.call("POST", "/v1/data", { readings: forged }, { token: key });
    expect([body.accepted, api.appended]).to.deep.equal([0, []]);
  });

  it("spreads machines of one name over a shared topic by their tenants", async () => {
    const partitions = new Set<number>();
    for (let n = 0; n < 8; n++) {
      const id = `spread-${n}`;
      await api.tenant(id, "shared");
      await api.call(
        "POST",
        "/v1/data",
        { readings: [reading("m-1")] },
        { token: await api.key("machine", id) },
      );
      await api.call(
        "POST",
        "/v1/data",
        { readings: [reading("m-1")] },
        { token: await api.key("machine", id) },
      );
      const [first, second] = api.appended.splice(0).map(({ partition }) => partition);
      expect(first).to.equal(second);
      partitions.add(first!);
    }
    expect(partitions.size).to.equal(2);
  });

  it("judges each reading alone", async () => {
    const bad = [
      reading("m-1", { ts: "1970-01-01T00:00:00Z" }),
      reading("m-1", { ts: "2100-01-01T00:00:00Z" }),
      reading("m-1", { ts: at(10 * 60_000 + 1) }),
      reading("m-1", { values: { power_watts: "much" } }),
      reading("m-1", { values: { unknown_metric: 1 } }),
      reading("m-1", { values: {} }),
      reading("m 1"),
      reading("m".repeat(300)),
      reading("m-1", { tenantId: "globex" }),
      reading("m-1", { type: "weather" }),
      null,
      [],
      "text",
    ];
    const readings = [reading("m-1"), ...bad, reading("m-2", { ts: at(10 * 60_000) })];
    const { status, body } = await api.call("POST", "/v1/data", { readings }, { token });
    expect(status).to.equal(202);
    expect(body.accepted).to.equal(2);
    const rejected = body.rejected as { index: number; code: string }[];
    expect(rejected.map(({ index }) => index)).to.deep.equal(bad.map((_, i) => i + 1));
    expect(rejected.map(({ code }) => code)).to.deep.equal([
      ...Array<string>(3).fill("time-out-of-range"),
      ...Array<string>(bad.length - 3).fill("reading-invalid"),
    ]);
    expect(api.readingsOf("acme").map((stored) => stored.reading.machineId)).to.have.members(["m-1", "m-2"]);
  });

  it("refuses a number that no double can hold, and a body with NaN", async () => {
    const body = JSON.stringify({ readings: [reading("m-1")] });
    const huge = await api.call("POST", "/v1/data", body.replace("1500.5", "1e400"), { token });
    expect(huge.status).to.equal(202);
    expect(huge.body.rejected[0].code).to.equal("reading-invalid");
    const nan = await api.call("POST", "/v1/data", body.replace("1500.5", "NaN"), { token });
    expect([nan.status, nan.body.code]).to.deep.equal([400, "body-unreadable"]);
    expect(api.appended).to.deep.equal([]);
  });

  it("takes NDJSON, gzipped too, and refuses a broken line alone", async () => {
    const lines = [JSON.stringify(reading("m-1")), "{broken", "", JSON.stringify(reading("m-2"))].join("\n");
    const headers = { "content-type": "application/x-ndjson", "content-encoding": "gzip", "batch-id": "b-7" };
    const { status, body } = await api.call("POST", "/v1/data", gzipSync(lines), { token, headers });
    expect(status).to.equal(202);
    expect(body.accepted).to.equal(2);
    expect(body.rejected[0].index).to.equal(1);
    expect(api.appended[0]?.headers["batch-id"]).to.equal("b-7");
  });

  it("ignores no field of the frame", async () => {
    const forged = await api.call(
      "POST",
      "/v1/data",
      { readings: [reading("m-1")], tenantId: "globex" },
      { token },
    );
    expect([forged.status, forged.body.errors[0].pointer]).to.deep.equal([400, "/tenantId"]);
    expect(api.appended).to.deep.equal([]);
  });

  it("passes a batch id on with parts and a hash that depend on the body alone", async () => {
    const readings = Array.from({ length: 3_000 }, (_, i) => reading(`m-${i % 7}`));
    const send = async (body: object) => {
      api.appended.length = 0;
      const answer = await api.call("POST", "/v1/data", body, { token });
      return {
        answer: answer.body as object,
        records: api.appended.map(({ headers, value }) => [
          headers["part"],
          headers["content-hash"],
          value.toString(),
        ]),
      };
    };
    const first = await send({ batchId: "day-1", readings });
    expect(await send({ batchId: "day-1", readings })).to.deep.equal(first);
    expect(first.records.length).to.be.greaterThan(2);
    expect(new Set(first.records.map(([part]) => part)).size).to.equal(first.records.length);
    const other = await send({ batchId: "day-1", readings: readings.slice(1) });
    expect(other.records[0]?.[1]).to.not.equal(first.records[0]?.[1]);
  });

  it("takes 10,000 readings and not one more", async () => {
    const readings = Array.from({ length: 10_001 }, (_, i) => reading(`m-${i % 15}`, { siteId: undefined }));
    const more = await api.call("POST", "/v1/data", { readings }, { token });
    expect([more.status, more.body.code]).to.deep.equal([413, "body-too-large"]);
    const most = await api.call("POST", "/v1/data", { readings: readings.slice(1) }, { token });
    expect(most.body).to.deep.equal({ accepted: 10_000, rejected: [] });
    expect(api.readingsOf("acme")).to.have.length(10_000);
  });

  it("takes nothing of another machine from a machine's own key, and keeps its batch ids apart", async () => {
    const own = async (machineId: string) => {
      const made = await api.call("POST", "/v1/tenants/acme/keys", {
        role: "machine",
        label: "own",
        machineId,
      });
      return made.body.key.secret as string;
    };
    const post = (sender: string, sent: readonly string[], batchId = "1") =>
      api.call("POST", "/v1/data", { readings: sent.map((id) => reading(id)), batchId }, { token: sender });
    const [first, second] = [await own("m-1"), await own("m-2")];
    const refused = await post(first, ["m-1", "m-2"]);
    expect([refused.status, refused.body.code]).to.deep.equal([403, "forbidden"]);
    expect(api.appended).to.deep.equal([]);
    expect((await post(first, ["m-1"])).status).to.equal(202);
    expect((await post(second, ["m-2"])).status).to.equal(202);
    expect(api.appended.map(({ headers }) => headers["batch-id"])).to.deep.equal(["m-1|1", "m-2|1"]);
  });

  it("marks imports", async () => {
    await api.call("POST", "/v1/data?source=import", { readings: [reading("m-1")] }, { token });
    expect(api.appended[0]?.headers["source"]).to.equal("import");
    const wrong = await api.call("POST", "/v1/data?source=elsewhere", { readings: [] }, { token });
    expect(wrong.status).to.equal(400);
  });

  it("says so when the tenant is not ready, or on its way out", async () => {
    const ready = await api.tenant("leaving");
    const send = (tenant: string) =>
      api.call("POST", `/v1/data?tenant=${tenant}`, { readings: [reading("m-1")] });
    await api.call("POST", "/v1/tenants", { id: "coming", name: "Coming", tier: "shared" });
    const early = await send("coming");
    expect([early.status, early.body.code, early.body.retryable]).to.deep.equal([
      409,
      "tenant-not-ready",
      true,
    ]);
    await api.catalog.service.query("update tenant set state = 'deleting' where tenant = $1", [ready]);
    const late = await send("leaving");
    expect([late.status, late.body.code, late.body.retryable]).to.deep.equal([
      409,
      "tenant-not-ready",
      false,
    ]);
    expect((await send("nobody")).body.code).to.equal("tenant-unknown");
  });

  it("answers nothing but an error when the log did not take the records", async () => {
    const unavailable = new MillwrightError("log-unavailable", "The log is away.", { retryable: true });
    const broken = await TestApi.start({ log: { append: () => Promise.reject(unavailable) } });
    await broken.tenant("acme");
    const { status, headers, body } = await broken.call("POST", "/v1/data?tenant=acme", {
      readings: [reading("m-1")],
    });
    expect([status, body.code, body.retryable]).to.deep.equal([503, "log-unavailable", true]);
    expect(headers.get("retry-after")).to.equal("1");
    await broken.close();
  });
});

describe("GET /v1/data/:type", () => {
  let api: TestApi;
  const asked: Omit<ReadingsRequest, "epoch">[] = [];
  const stored = Array.from({ length: 25_000 }, (_, i) => ({
    time: at(i),
    machineId: `m-${i % 3}`,
    state: ['=HYPERLINK("http://evil")', 'say "hi", twice', "running"][i % 3] ?? "",
    power_watts: -1 - i,
  }));
  before(async () => {
    api = await TestApi.start({
      readings: {
        query: (request) => {
          asked.push(request);
          if (request.cursor === "broken")
            return Promise.reject(new MillwrightError("request-invalid", "Not a cursor."));
          const start = Number(request.cursor ?? 0);
          const end = start + (request.limit ?? 1_000);
          const nextCursor = end < stored.length ? String(end) : undefined;
          return Promise.resolve({ rows: stored.slice(start, end), nextCursor });
        },
      },
    });
    await api.tenant("acme");
  });
  after(() => api.close());
  const get = (query: string, accept = "application/json") =>
    api.call("GET", `/v1/data/machine?tenant=acme${query}`, undefined, { headers: { accept } });

  it("answers a page with its cursor, and hands filters on as they were checked", async () => {
    const { body } = await get("&machineId=m-1&from=2026-11-21T11:00:00%2B01:00&limit=3");
    expect(body).to.deep.equal({ rows: stored.slice(0, 3), nextCursor: "3" });
    expect(asked.at(-1)).to.deep.include({
      tenant: "acme",
      type: "machine",
      machineId: "m-1",
      fromMs: NOW_MS,
      limit: 3,
    });
  });

  for (const query of [
    "&limit=0",
    "&limit=10001",
    "&limit=x",
    "&from=yesterday",
    "&machineId=a%20b",
    "&resolution=2m",
    "&order=desc",
  ]) {
    it(`refuses ${query}`, async () => {
      const { status, body } = await get(query);
      expect([status, body.code]).to.deep.equal([400, "request-invalid"]);
    });
  }
  it("says so when there is no such tenant", async () => {
    const { body } = await api.call("GET", "/v1/data/machine?tenant=nobody");
    expect(body.code).to.equal("tenant-unknown");
  });

  it("knows four types", async () => {
    const { status } = await api.call("GET", "/v1/data/weather?tenant=acme");
    expect(status).to.equal(400);
  });

  it("streams every row as NDJSON", async () => {
    const { headers, text } = await get("", "application/x-ndjson");
    expect(headers.get("content-type")).to.match(/^application\/x-ndjson/);
    expect(
      text
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as object),
    ).to.deep.equal(stored);
  });

  it("streams CSV whose texts are no formulas and whose numbers stay numbers", async () => {
    const { text } = await get("&limit=3", "text/csv");
    const [head, ...lines] = text.trimEnd().split("\r\n");
    expect(head).to.equal(
      "time,machineId,siteId,state,machine_type,error_code,power_watts,temperature_c,cycle_count",
    );
    expect(lines).to.deep.equal([
      `${at(0)},m-0,,"'=HYPERLINK(""http://evil"")",,,-1,,`,
      `${at(1)},m-1,,"say ""hi"", twice",,,-2,,`,
      `${at(2)},m-2,,running,,,-3,,`,
    ]);
    expect((await get("", "text/csv")).text.trimEnd().split("\r\n")).to.have.length(stored.length + 1);
  });

  it("answers a problem, not half a stream, when the first page fails", async () => {
    const { status, headers } = await get("&cursor=broken", "text/csv");
    expect(status).to.equal(400);
    expect(headers.get("content-type")).to.contain("problem+json");
  });
});
