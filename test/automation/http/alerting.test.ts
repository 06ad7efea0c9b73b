import { expect } from "chai";
import { TestApi } from "../../support/api.ts";

const RULE = {
  id: "too-hot",
  name: "Too hot",
  type: "machine",
  metric: "temperature_c",
  condition: { kind: "threshold", op: ">", limit: 80, deadBand: 2, onDelayMs: 0, offDelayMs: 0 },
  severity: "high",
  machines: ["m-001"],
};

describe("rules, channels and alerts through the API", () => {
  let api: TestApi;
  let token: string;
  let stranger: string;
  before(async () => {
    api = await TestApi.start();
    await api.tenant("acme");
    await api.tenant("globex");
    token = await api.key("operator", "acme");
    stranger = await api.key("operator", "globex");
  });
  after(() => api.close());
  const call = (method: string, address: string, body?: unknown) =>
    api.call(method, address, body, { token });

  it("makes, shows, lists, replaces and deletes a rule", async () => {
    const made = await call("POST", "/v1/rules", RULE);
    expect([made.status, made.headers.get("location")]).to.deep.equal([201, "/v1/rules/too-hot"]);
    expect(made.body.rule).to.deep.include(RULE);
    expect((await call("POST", "/v1/rules", RULE)).body.code).to.equal("rule-exists");
    expect((await call("GET", "/v1/rules")).body.rules).to.have.length(1);
    const put = await call("PUT", "/v1/rules/too-hot", { ...RULE, severity: "low" });
    expect([put.status, put.body.rule.severity]).to.deep.equal([200, "low"]);
    expect((await call("PUT", "/v1/rules/other", { ...RULE, id: "other" })).body.code).to.equal(
      "rule-unknown",
    );

    const seen = await api.call("GET", "/v1/rules/too-hot", undefined, { token: stranger });
    expect([seen.status, seen.body.code]).to.deep.equal([404, "rule-unknown"]);
    const taken = await api.call("DELETE", "/v1/rules/too-hot", undefined, { token: stranger });
    expect(taken.body.code).to.equal("rule-unknown");
    expect((await api.call("POST", "/v1/rules", RULE, { token: stranger })).status).to.equal(201);

    expect((await call("DELETE", "/v1/rules/too-hot")).status).to.equal(204);
    expect((await call("GET", "/v1/rules")).body.rules).to.deep.equal([]);
  });

  for (const [what, wrong, pointer] of [
    ["an unknown kind", { condition: { kind: "trend" } }, "/condition/kind"],
    [
      "an unknown name in an expression",
      { metric: undefined, condition: { kind: "expression", expression: "heat > 1" } },
      "/condition/expression",
    ],
    ["a suppressor that is not there", { suppressedBy: ["nothing"] }, "/suppressedBy"],
    ["a metric that is no number", { metric: "state" }, "/metric"],
    ["an unknown field", { colour: "red" }, "/colour"],
    ["a name of two lines", { name: "a\r\nb" }, "/name"],
    ["a name with U+0000", { name: "a\u0000b" }, "/name"],
    ["a name with half a character", { name: "a\ud800" }, "/name"],
  ] as const) {
    it(`refuses a rule with ${what}`, async () => {
      const { status, body } = await call("POST", "/v1/rules", { ...RULE, ...wrong });
      expect([status, body.code, body.errors[0].pointer]).to.deep.equal([400, "request-invalid", pointer]);
    });
  }

  it("never shows a channel's secret", async () => {
    const channel = { kind: "webhook", url: "http://127.0.0.1:9/alerts", secret: "shared-secret-of-acme" };
    const made = await call("POST", "/v1/channels", channel);
    expect(made.status, made.text).to.equal(201);
    const listed = await call("GET", "/v1/channels");
    expect(listed.body.channels).to.deep.equal([made.body.channel]);
    for (const text of [made.text, listed.text, ...api.logged]) expect(text).to.not.contain(channel.secret);
    const seen = await api.call("GET", "/v1/channels", undefined, { token: stranger });
    expect(seen.body.channels).to.deep.equal([]);
    const { id } = made.body.channel as { id: string };
    expect((await api.call("DELETE", `/v1/channels/${id}`, undefined, { token: stranger })).status).to.equal(
      404,
    );
    expect((await call("DELETE", `/v1/channels/${id}`)).status).to.equal(204);
  });

  it("refuses a channel into the private network", async () => {
    const channel = { kind: "webhook", url: "http://10.0.0.1/alerts", secret: "s" };
    const { status, body } = await call("POST", "/v1/channels", channel);
    expect([status, body.code]).to.deep.equal([422, "channel-refused"]);
  });

  it("lists alerts and refuses what does not exist", async () => {
    const none = await call("GET", "/v1/alerts?severity=high&machineId=m-001&from=2026-11-21T10:00:00Z");
    expect(none.body).to.deep.equal({ alerts: [], nextCursor: null });
    expect((await call("GET", "/v1/alerts?state=loud")).status).to.equal(400);
    const calls = [
      ["GET", "", undefined],
      ["POST", "/acknowledge", undefined],
      ["POST", "/shelve", { until: "2026-11-21T12:00:00Z" }],
      ["POST", "/comment", { text: "seen" }],
    ] as const;
    for (const [method, verb, body] of calls)
      expect((await call(method, `/v1/alerts/nothing${verb}`, body)).body.code, verb).to.equal(
        "alert-unknown",
      );
  });

  it("sums up how fast alerts were, over a range that is none too long", async () => {
    const { status, body } = await call("GET", "/v1/alerts/latency?from=2026-11-01T00:00:00Z");
    expect(status).to.equal(200);
    expect(body.latency).to.deep.include({ promisedMs: 500, alertCount: 0, violationCount: 0 });
    expect(body.latency.stages.total).to.deep.equal({ p50: null, p95: null, p99: null });
    for (const wrong of ["from=2025-01-01T00:00:00Z", "to=2026-11-01T00:00:00Z&from=2026-11-01T00:00:00Z"])
      expect((await call("GET", `/v1/alerts/latency?${wrong}`)).body.errors[0].pointer).to.equal("/from");
  });

  it("takes a rule and a machine out of service, says why, and puts them back", async () => {
    const globex = (method: string, address: string, body?: unknown) =>
      api.call(method, address, body, { token: stranger });
    const reason = "spindle is changed";
    await globex("POST", "/v1/rules", { ...RULE, id: "resting" });
    expect((await globex("POST", "/v1/rules/resting/out-of-service", {})).status).to.equal(400);
    const out = await globex("POST", "/v1/rules/resting/out-of-service", { reason });
    expect([out.status, out.body.rule.outOfService.reason]).to.deep.equal([200, reason]);
    const back = await globex("POST", "/v1/rules/resting/in-service");
    expect([back.status, back.body.rule.outOfService]).to.deep.equal([200, null]);
    expect((await globex("POST", "/v1/rules/none/out-of-service", { reason })).body.code).to.equal(
      "rule-unknown",
    );

    expect((await globex("POST", "/v1/machines/m-001/out-of-service", { reason })).status).to.equal(200);
    const list = async () => (await globex("GET", "/v1/machines/out-of-service")).body.machines as object[];
    expect(await list()).to.have.length(1);
    expect((await call("GET", "/v1/machines/out-of-service")).body.machines).to.deep.equal([]); // not its tenant's
    expect((await globex("POST", "/v1/machines/m-001/in-service")).status).to.equal(204);
    expect(await list()).to.deep.equal([]);
  });

  it("lists incidents, and says when there is none of that id", async () => {
    expect((await call("GET", "/v1/incidents?state=open")).body).to.deep.equal({
      incidents: [],
      nextCursor: null,
    });
    expect((await call("GET", "/v1/incidents/none")).body.code).to.equal("incident-unknown");
  });

  it("records who changed what, and nothing of what failed", async () => {
    const { body } = await call("GET", "/v1/audit");
    const actions = (body.entries as { action: string; subject: string }[]).map(({ action }) => action);
    expect(actions.toReversed()).to.deep.equal([
      "rule.create",
      "rule.replace",
      "rule.delete",
      "channel.create",
      "channel.delete",
    ]);
  });
});
