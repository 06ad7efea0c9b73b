import { expect } from "chai";
import { addNotice } from "../../../data/catalog/in-app-notice.ts";
import { MAX_CHANNELS } from "../../../model/channel.ts";
import { TestApi } from "../../support/api.ts";
import { eventually } from "../../support/eventually.ts";

const HOURS = { weekdays: ["mon", "fri"], from: "22:00", to: "06:00", timeZone: "Europe/Berlin" };
const SLACK = "https://hooks.slack.example/services/T0/B0/very-secret";

describe("channels through the API", () => {
  let api: TestApi;
  let token: string;
  before(async () => {
    api = await TestApi.start();
    await api.tenant("acme");
    await api.tenant("globex");
    token = await api.key("operator", "acme");
  });
  after(() => api.close());
  const call = (method: string, address: string, body?: unknown) =>
    api.call(method, address, body, { token });

  for (const [what, body, shown] of [
    ["email", { kind: "email", to: ["ops@acme.example"] }, { minSeverity: "low", maxPerMinute: 10 }],
    [
      "SMS, of what is critical",
      { kind: "sms", phoneNumber: "+4915112345678" },
      { minSeverity: "critical", maxPerMinute: 5 },
    ],
    [
      "SNS",
      { kind: "sns", topicArn: "arn:aws:sns:eu-central-1:123456789012:acme_alerts" },
      { maxPerMinute: null },
    ],
    [
      "in-app",
      { kind: "in-app", hours: HOURS, escalateAfterMs: 60_000, dedupMs: 1_000 },
      { hours: HOURS, dedupMs: 1_000 },
    ],
  ] as const) {
    it(`are made for ${what}`, async () => {
      const made = await call("POST", "/v1/channels", body);
      expect(made.status, made.text).to.equal(201);
      expect(made.body.channel).to.deep.include({ ...body, ...shown, events: ["alert.raised"] });
      const { id } = made.body.channel as { id: string };
      expect((await call("GET", `/v1/channels/${id}`)).body).to.deep.equal(made.body);
    });
  }

  for (const [what, body, status, pointer] of [
    [
      "a topic of another tenant",
      { kind: "sns", topicArn: "arn:aws:sns:eu-central-1:123456789012:globex_x" },
      422,
      "/topicArn",
    ],
    [
      "a topic of a tenant whose id begins alike",
      { kind: "sns", topicArn: "arn:aws:sns:eu-central-1:123456789012:acme-eu_x" },
      422,
      "/topicArn",
    ],
    ["Slack in the private network", { kind: "slack", url: "http://10.0.0.1/hook" }, 422, "/url"],
    ["two lines for an address", { kind: "email", to: ["a@b.example\r\nBcc: c@d.example"] }, 400, "/to/0"],
    [
      "21 recipients",
      { kind: "email", to: Array.from({ length: 21 }, (_, n) => `a${n}@b.example`) },
      400,
      "/to",
    ],
    ["a number without its country", { kind: "sms", phoneNumber: "015112345678" }, 400, "/phoneNumber"],
    [
      "a template for programs",
      { kind: "webhook", url: "http://127.0.0.1:9/", secret: "s", template: { body: "x" } },
      400,
      "/template",
    ],
    [
      "a template with an unknown name",
      { kind: "in-app", template: { body: "{{password}}" } },
      400,
      "/template/body",
    ],
    [
      "hours of no zone",
      { kind: "in-app", hours: { ...HOURS, timeZone: "Mars/Olympus" } },
      400,
      "/hours/timeZone",
    ],
    ["hours at 24:00", { kind: "in-app", hours: { ...HOURS, to: "24:00" } }, 400, "/hours/to"],
    ["a kind that is none", { kind: "fax" }, 400, "/kind"],
  ] as const) {
    it(`are refused with ${what}`, async () => {
      const answer = await call("POST", "/v1/channels", body);
      expect([answer.status, answer.body.errors?.[0]?.pointer], answer.text).to.deep.equal([status, pointer]);
    });
  }

  it("are refused where the installation cannot send so", async () => {
    const bare = await TestApi.start({ channels: { ...api.services.channels, kinds: new Set(["webhook"]) } });
    await bare.tenant("acme");
    const body = { kind: "email", to: ["ops@acme.example"] };
    const { status, body: problem } = await bare.call("POST", "/v1/channels?tenant=acme", body);
    expect([status, problem.code]).to.deep.equal([422, "channel-refused"]);
    expect(problem.detail).to.contain("docs/notifications.md");
    await bare.close();
  });

  it("show of Slack's address its host alone, anywhere", async () => {
    const made = await call("POST", "/v1/channels", { kind: "slack", url: SLACK });
    expect(made.body.channel).to.deep.include({ kind: "slack", host: "hooks.slack.example" });
    const listed = await call("GET", "/v1/channels");
    const audit = await call("GET", "/v1/audit");
    for (const text of [made.text, listed.text, audit.text, ...api.logged])
      expect(text).to.not.contain("very-secret");
  });

  it("are replaced by one of the same kind", async () => {
    const { body } = await call("POST", "/v1/channels", { kind: "in-app" });
    const address = `/v1/channels/${(body as { channel: { id: string } }).channel.id}`;
    const template = { subject: "{{ruleName}}", body: "{{machineId}}" };
    const put = await call("PUT", address, { kind: "in-app", template });
    expect([put.status, put.body.channel.template]).to.deep.equal([200, template]);
    const other = await call("PUT", address, { kind: "slack", url: SLACK });
    expect([other.status, other.body.code]).to.deep.equal([422, "channel-refused"]);
    expect((await call("GET", address)).body).to.deep.equal(put.body);
    const stranger = await api.key("operator", "globex");
    const foreign = await api.call("PUT", address, { kind: "in-app" }, { token: stranger });
    expect(foreign.body.code).to.equal("channel-unknown");
  });

  it("are tried by a message that is among their deliveries", async () => {
    const { body } = await call("POST", "/v1/channels", { kind: "in-app" });
    const address = `/v1/channels/${(body as { channel: { id: string } }).channel.id}`;
    const test = await call("POST", `${address}/test`);
    expect(test.status).to.equal(202);
    const { deliveries } = (await call("GET", `${address}/deliveries`)).body as { deliveries: object[] };
    expect(deliveries).to.have.length(1);
    expect(deliveries[0]).to.deep.include({
      id: test.body.deliveryId,
      event: "channel.test",
      alertId: null,
      state: "waiting",
    });
    expect((await call("POST", "/v1/channels/none/test")).body.code).to.equal("channel-unknown");
  });

  it("are tried at a rate that floods nobody's mailbox, whoever's it is", async () => {
    await api.tenant("eager");
    const own = { token: await api.key("operator", "eager") };
    const { body } = await api.call("POST", "/v1/channels", { kind: "email", to: ["a@b.example"] }, own);
    const tries = [];
    for (let count = 0; count < 25; count++)
      tries.push((await api.call("POST", `/v1/channels/${body.channel.id}/test`, undefined, own)).status);
    expect(new Set(tries.slice(0, 20))).to.deep.equal(new Set([202]));
    expect(new Set(tries.slice(20))).to.deep.equal(new Set([429]));
  });

  it(`are ${MAX_CHANNELS} of a tenant at most`, async () => {
    await api.tenant("many");
    const make = () => api.call("POST", "/v1/channels?tenant=many", { kind: "in-app" });
    for (let count = 0; count < MAX_CHANNELS; count++) expect((await make()).status).to.equal(201);
    expect((await make()).body.code).to.equal("channel-limit");
  });

  describe("the stream of in-app messages", () => {
    const notify = (delivery: string, tenant = "acme") =>
      addNotice(api.catalog.service, tenant, { delivery, event: "alert.raised", payload: { id: delivery } });

    /** The stream's events as they come; `ids` are those of the deliveries. */
    async function follow(lastEventId?: string, tenant = "acme") {
      const leaving = new AbortController();
      const viewer = await api.key("viewer", tenant);
      const response = await fetch(`${api.url}/v1/alerts/stream`, {
        headers: {
          authorization: `Bearer ${viewer}`,
          ...(lastEventId === undefined ? {} : { "last-event-id": lastEventId }),
        },
        signal: leaving.signal,
      });
      expect(response.headers.get("content-type")).to.contain("text/event-stream");
      let text = "";
      const reading = (async () => {
        for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) text += chunk;
      })().catch(() => undefined);
      return {
        ids: () =>
          [...text.matchAll(/^data: (.*)$/gm)].map(([, data]) => (JSON.parse(data!) as { id: string }).id),
        lastEventId: () => [...text.matchAll(/^id: (\d+)$/gm)].at(-1)?.[1] ?? "0",
        leave: async () => {
          leaving.abort();
          await reading;
        },
      };
    }

    it("begins with the next one, goes on behind the last one seen, and shows a delivery once", async () => {
      await notify("before");
      const first = await follow();
      await notify("one");
      await notify("one"); // tried again after a kill
      await notify("two");
      await eventually("both", () => first.ids().length === 2);
      expect(first.ids()).to.deep.equal(["one", "two"]);
      await first.leave();

      await notify("missed");
      const second = await follow(first.lastEventId());
      await notify("three");
      await eventually("what was missed", () => second.ids().length === 2);
      expect(second.ids()).to.deep.equal(["missed", "three"]);
      await second.leave();
    });

    it("shows no tenant another's", async () => {
      const globex = await follow("0", "globex");
      await notify("acme's");
      await notify("globex's", "globex");
      await eventually("its own", () => globex.ids().length === 1);
      expect(globex.ids()).to.deep.equal(["globex's"]);
      await globex.leave();
    });

    it("keeps the last thousand", async () => {
      await api.tenant("long");
      for (let count = 0; count < 1_003; count++) await notify(`n-${count}`, "long");
      const { rows } = await api.catalog.service.query("select from in_app_notice where tenant = 'long'");
      expect(rows).to.have.length(1_000);
      const all = await follow("0", "long");
      await eventually("all that is kept", () => all.ids().length === 1_000);
      expect([all.ids()[0], all.ids().at(-1)]).to.deep.equal(["n-3", "n-1002"]);
      await all.leave();
    });

    it("has room for so many of a tenant", async () => {
      const open = await Promise.all(Array.from({ length: 32 }, () => follow(undefined, "globex")));
      const viewer = await api.key("viewer", "globex");
      const refused = await api.call("GET", "/v1/alerts/stream", undefined, { token: viewer });
      expect([refused.status, refused.body.code]).to.deep.equal([429, "too-many-requests"]);
      for (const stream of open) await stream.leave();
    });
  });
});
