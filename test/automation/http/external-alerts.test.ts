import { randomUUID } from "node:crypto";
import { expect } from "chai";
import { runDispatcher } from "../../../handlers/notify/process.ts";
import { TestApi } from "../../support/api.ts";
import { testDispatcher } from "../../support/dispatcher.ts";
import { eventually } from "../../support/eventually.ts";
import { webhookReceiver, type Received } from "../../support/webhook-receiver.ts";

const RAISED = {
  source: "scada-1",
  externalId: "A-17",
  state: "raised",
  machineId: "m-001",
  severity: "high",
  name: "High pressure",
  time: "2026-11-21T09:59:00.000Z",
};
const RETURNED = { ...RAISED, state: "returned", time: "2026-11-21T09:59:30.000Z" };

describe("alerts of other systems", () => {
  let api: TestApi;
  let token: string;
  let tenantCount = 0;
  let tenant: string;
  before(async () => (api = await TestApi.start()));
  after(() => api.close());
  beforeEach(async () => {
    tenant = await api.tenant(`acme-${++tenantCount}`);
    token = await api.key("operator", tenant);
  });
  const call = (method: string, address: string, body?: unknown) =>
    api.call(method, address, body, { token });
  const tell = (event: object) => call("POST", "/v1/alerts/events", event);
  const alerts = async () => (await call("GET", "/v1/alerts")).body.alerts as Record<string, unknown>[];

  it("become alerts of the tenant, with the states of all others", async () => {
    const machine = await api.key("machine", tenant);
    const made = await api.call("POST", "/v1/alerts/events", RAISED, { token: machine });
    expect([made.status, made.body.outcome]).to.deep.equal([201, "raised"]);
    const { alert } = made.body;
    expect(alert).to.deep.include({
      ...{ state: "unacknowledged", rule: "scada-1:High pressure", ruleName: "High pressure", value: null },
      ...{ source: "scada-1", externalId: "A-17", severity: "high", raisedAt: RAISED.time, type: null },
    });
    await call("POST", `/v1/alerts/${alert.id}/acknowledge`);
    const ended = await tell(RETURNED);
    expect([ended.status, ended.body.outcome]).to.deep.equal([200, "returned"]);
    expect(ended.body.alert).to.deep.include({ id: alert.id, state: "normal", returnedAt: RETURNED.time });
  });

  it("count once by source and external id, in whatever order they are repeated", async () => {
    const first = await tell(RAISED);
    const told = [];
    for (const event of [RAISED, RETURNED, RETURNED, RAISED]) told.push((await tell(event)).body);
    expect(told.map(({ outcome, reason }) => [outcome, reason])).to.deep.equal([
      ["unchanged", "known"],
      ["returned", null],
      ["unchanged", "known"],
      ["unchanged", "known"],
    ]);
    expect(await alerts()).to.have.length(1);
    expect((await tell({ ...RAISED, source: "scada-2" })).body.outcome).to.equal("raised");
    expect((await tell({ ...RAISED, externalId: "A-18" })).body.alert.id).to.not.equal(first.body.alert.id);
  });

  it("are one while the condition stands, also when many come at once", async () => {
    const many = Array.from({ length: 20 }, (_, n) => tell({ ...RAISED, externalId: `B-${n}` }));
    const outcomes = (await Promise.all(many)).map(({ body }) => body.outcome as string);
    expect(outcomes.filter((outcome) => outcome === "raised")).to.have.length(1);
    expect(await alerts()).to.have.length(1);
  });

  it("change nothing by a return of what was never raised", async () => {
    expect((await tell(RETURNED)).body).to.deep.equal({
      outcome: "unchanged",
      reason: "not-raised",
      alert: null,
    });
    expect(await alerts()).to.deep.equal([]);
  });

  it("are not another tenant's to end", async () => {
    await tell(RAISED);
    const stranger = await api.key("operator", await api.tenant("globex"));
    const { body } = await api.call("POST", "/v1/alerts/events", RETURNED, { token: stranger });
    expect(body.reason).to.equal("not-raised");
    expect((await alerts())[0]?.["state"]).to.equal("unacknowledged");
  });

  it("are told by a machine's own key of that machine alone", async () => {
    const request = { role: "machine", label: "m-002", machineId: "m-002" };
    const { key } = (await api.call("POST", `/v1/tenants/${tenant}/keys`, request)).body;
    const report = (event: object) => api.call("POST", "/v1/alerts/events", event, { token: key.secret });
    expect((await report(RAISED)).status).to.equal(403);
    // under the words of another machine's alert, before and after it came
    expect((await report({ ...RAISED, machineId: "m-002" })).status).to.equal(201);
    expect((await tell(RAISED)).body.outcome).to.equal("raised");
    await report({ ...RETURNED, machineId: "m-002" });
    const states = (await alerts()).map((alert) => [alert["machineId"], alert["returnedAt"]]);
    expect(states).to.deep.include(["m-001", null]);
  });

  for (const [what, wrong, pointer] of [
    ["a colon in its source", { source: "a:b" }, "/source"],
    ["an id of two lines", { externalId: "a\nb" }, "/externalId"],
    ["a name as long as a book", { name: "x".repeat(201) }, "/name"],
    ["a time to come", { time: "2026-11-21T10:10:01Z" }, "/time"],
    ["a time before there were any machines", { time: "1999-12-31T23:59:59Z" }, "/time"],
    ["an unknown field", { colour: "red" }, "/colour"],
    ["more systems than a list may hold", { via: Array(101).fill("x") }, "/via"],
  ] as const) {
    it(`are refused with ${what}`, async () => {
      const { status, body } = await tell({ ...RAISED, ...wrong });
      expect([status, body.code, body.errors[0].pointer]).to.deep.equal([400, "request-invalid", pointer]);
    });
  }

  it("that have passed more systems than we believe are ignored, and say so", async () => {
    const via = Array.from({ length: 9 }, (_, n) => `system-${n}`);
    expect((await tell({ ...RAISED, via })).body).to.deep.include({
      outcome: "ignored",
      reason: "too-many-hops",
    });
    expect((await tell({ ...RAISED, via: via.slice(1) })).body.outcome).to.equal("raised");
  });

  it("come at a rate that a loop cannot exceed", async () => {
    const answers = await Promise.all(Array.from({ length: 201 }, () => tell(RETURNED)));
    expect(answers.filter(({ status }) => status === 429)).to.have.length(1);
  });

  describe("posted back by a receiver of ours", () => {
    const stop = new AbortController();
    let dispatching: Promise<unknown>;
    before(() => {
      dispatching = runDispatcher(testDispatcher(api.catalog.service), stop.signal);
    });
    after(async () => {
      stop.abort();
      await dispatching;
    });

    /** A small server that turns every webhook of ours into an event and posts it back. */
    async function relay(eventOf: (received: Received["json"]) => object) {
      const outcomes: string[] = [];
      const receiver = await webhookReceiver(({ json }) => {
        const { machineId, severity } = json;
        const event = { ...RAISED, source: "relay", machineId, severity, ...eventOf(json) };
        void tell(event).then(({ body }) => outcomes.push(`${body.outcome} ${body.reason}`));
        return 200;
      });
      const channel = { kind: "webhook", url: receiver.url(), secret: "shared-secret-of-acme" };
      expect((await call("POST", "/v1/channels", channel)).status).to.equal(201);
      await tell(RAISED);
      await eventually("the end of the loop", async () => {
        const { rows } = await api.catalog.service.query<{ open: bigint }>(
          "select count(*) as open from delivery where tenant = $1 and outcome is null",
          [tenant],
        );
        const isQuiet = outcomes.length > 0 && outcomes.length === receiver.received.length;
        return isQuiet && rows[0]?.open === 0n && !outcomes.at(-1)?.startsWith("raised");
      });
      await receiver.close();
      return outcomes;
    }

    it("end at once where they carry our alert's id", async () => {
      const outcomes = await relay(({ alertId }) => ({ externalId: alertId }));
      expect(outcomes).to.deep.equal(["ignored own-alert"]);
      expect(await alerts()).to.have.length(1);
    });

    it("end at once where they carry our delivery's id", async () => {
      expect(await relay(({ id }) => ({ externalId: id }))).to.deep.equal(["ignored own-alert"]);
    });

    it("end at once where they carry the list of systems that they have passed", async () => {
      const outcomes = await relay(({ via }) => ({ externalId: randomUUID(), name: randomUUID(), via }));
      expect(outcomes).to.deep.equal(["ignored own-alert"]);
    });

    it("end after one round where nothing tells that they are ours", async () => {
      const outcomes = await relay(() => ({ externalId: randomUUID() }));
      expect(outcomes).to.deep.equal(["raised null", "unchanged standing"]);
      expect(await alerts()).to.have.length(2);
    });
  });
});
