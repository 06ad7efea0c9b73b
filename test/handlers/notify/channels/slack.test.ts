import { expect } from "chai";
import { slackSender } from "../../../../handlers/notify/channels/slack.ts";
import { notificationOf, tryOf } from "../../../support/notification.ts";
import { webhookReceiver } from "../../../support/webhook-receiver.ts";

describe("Slack's incoming webhooks", () => {
  let status = 200;
  let receiver: Awaited<ReturnType<typeof webhookReceiver>>;
  before(async () => (receiver = await webhookReceiver(() => status)));
  after(() => receiver.close());
  const send = (...facts: Parameters<typeof notificationOf>) =>
    slackSender("loopback-only")(tryOf({}, notificationOf(...facts), { url: receiver.url() }));

  it("posts a text in which no name can mention or link", async () => {
    await send({ ruleName: "<!channel> & <https://evil.example|here>" });
    const { json, headers } = receiver.received.at(-1)!;
    expect(Object.keys(json)).to.deep.equal(["text"]);
    expect(json["text"]).to.contain("&lt;!channel&gt; &amp; &lt;https://evil.example|here&gt;");
    expect(headers).to.not.have.property("x-millwright-signature");
  });

  it("lets a tenant's template use Slack's markup", async () => {
    await send(
      { ruleName: "a<b" },
      { template: { body: "*{{ruleName}}* <https://acme.example/m|runbook>" } },
    );
    expect(receiver.received.at(-1)!.json["text"]).to.equal("*a&lt;b* <https://acme.example/m|runbook>");
  });

  it("gives a hook that is gone up, and asks a busy one again", async () => {
    for (const [answer, result] of [
      [404, "refused"],
      [410, "refused"],
      [429, "failed"],
      [500, "failed"],
      [302, "failed"],
    ] as const) {
      status = answer;
      expect(await send()).to.deep.equal({ result, status: answer, error: null });
    }
  });

  it("reaches no address that webhooks may not", async () => {
    const attempt = tryOf({}, notificationOf(), { url: "http://169.254.169.254/hook" });
    const refused = await slackSender("allow")(attempt).catch((error: unknown) => error);
    expect(refused).to.have.property("code", "channel-refused");
  });
});
