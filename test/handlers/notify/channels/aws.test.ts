import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { expect } from "chai";
import { sesSender, smsSender, snsSender } from "../../../../handlers/notify/channels/aws.ts";
import { notificationOf, tryOf } from "../../../support/notification.ts";
import { motoServer } from "../../../support/notify-servers.ts";

const CREDENTIALS = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
const REGION = "eu-central-1";
const ACCOUNT = "123456789012";

/** Passes on to moto what it is sent, and keeps it: moto shows no SMS. */
async function recordingProxy(target: string) {
  const bodies: string[] = [];
  const server = http.createServer((request, response) => {
    void (async () => {
      const body = await text(request);
      bodies.push(body);
      const { authorization = "", "content-type": contentType = "" } = request.headers;
      const headers = { authorization, "content-type": contentType };
      const answer = await fetch(target, { method: "POST", headers, body });
      response.writeHead(answer.status, { "content-type": "text/xml" }).end(await answer.text());
    })();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    bodies,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

describe("SNS, SMS and SES (moto)", () => {
  let moto: Awaited<ReturnType<typeof motoServer>>;
  let aws: { readonly region: string; readonly endpoint: string };
  const outer: Record<string, string | undefined> = {};
  before(async function () {
    this.timeout(300_000); // the first time it is installed
    moto = await motoServer(this);
    aws = { region: REGION, endpoint: moto.url };
    // The SDK's own way: the adapters know no credentials.
    for (const name of CREDENTIALS) {
      outer[name] = process.env[name];
      process.env[name] = "testing";
    }
    await ask("sns", { Action: "CreateTopic", Name: "acme_alerts", Version: "2010-03-31" });
    await ask("sqs", { Action: "CreateQueue", QueueName: "inbox", Version: "2012-11-05" });
    await ask("sns", {
      ...{ Action: "Subscribe", Protocol: "sqs", Version: "2010-03-31" },
      TopicArn: `arn:aws:sns:${REGION}:${ACCOUNT}:acme_alerts`,
      Endpoint: `arn:aws:sqs:${REGION}:${ACCOUNT}:inbox`,
    });
    await ask("ses", {
      ...{ Action: "VerifyEmailIdentity", EmailAddress: "alerts@millwright.example", Version: "2010-12-01" },
    });
  });
  after(async () => {
    for (const name of CREDENTIALS) {
      if (outer[name] === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = outer[name];
    }
    await moto.close();
  });

  /** A call of AWS's query protocol, by hand: shares no code with the sender. */
  async function ask(service: string, parameters: Record<string, string>): Promise<string> {
    const response = await fetch(`${moto.url}/`, {
      method: "POST",
      headers: {
        "content-type": "application/x-www-form-urlencoded",
        authorization: `AWS4-HMAC-SHA256 Credential=testing/20261121/${REGION}/${service}/aws4_request, SignedHeaders=host, Signature=0`,
      },
      body: new URLSearchParams(parameters),
    });
    expect(response.status, await response.clone().text()).to.equal(200);
    return response.text();
  }

  it("publishes text for people, facts for programs and a subject that SNS takes", async () => {
    const topicArn = `arn:aws:sns:${REGION}:${ACCOUNT}:acme_alerts`;
    const notification = notificationOf({ ruleName: "Zu heiß ☀ ".repeat(20) });
    const answer = await snsSender(aws)(tryOf({ topicArn }, notification));
    expect(answer).to.deep.equal({ result: "delivered", status: 200, error: null });
    const xml = await ask("sqs", {
      ...{ Action: "ReceiveMessage", Version: "2012-11-05" },
      QueueUrl: `${moto.url}/${ACCOUNT}/inbox`,
    });
    const envelope = JSON.parse(
      /<Body>([^]*)<\/Body>/.exec(xml)![1]!.replaceAll("&quot;", '"').replaceAll("&amp;", "&"),
    ) as { Subject: string; Message: string; MessageAttributes: Record<string, { Value: string }> };
    expect(envelope.Subject)
      .to.match(/^Millwright alert: Zu hei\? \?[ -~]*$/)
      .and.have.length.at.most(99);
    expect(JSON.parse(envelope.Message)).to.deep.equal({ id: "d-1", event: "alert.raised" });
    expect(envelope.MessageAttributes["severity"]!.Value).to.equal("critical");
  });

  it("gives a topic that is gone up", async () => {
    const topicArn = `arn:aws:sns:${REGION}:${ACCOUNT}:acme_gone`;
    const answer = await snsSender(aws)(tryOf({ topicArn }, notificationOf()));
    expect(answer).to.deep.include({ result: "refused", status: 404 });
  });

  it("sends one SMS of 160 characters at most", async () => {
    const notification = notificationOf({ ruleName: "very hot ".repeat(30) });
    const recorder = await recordingProxy(moto.url);
    const endpoint = recorder.url;
    const answer = await smsSender({ ...aws, endpoint })(
      tryOf({ phoneNumber: "+4915112345678" }, notification),
    );
    await recorder.close();
    expect(answer).to.deep.equal({ result: "delivered", status: 200, error: null });
    const [sent] = recorder.bodies.map((body) => Object.fromEntries(new URLSearchParams(body)));
    expect(sent).to.deep.include({ Action: "Publish", PhoneNumber: "+4915112345678" });
    expect(sent!["Message"])
      .to.match(/^critical alert raised: very hot/)
      .and.have.length(160);
  });

  it("sends text and HTML by SES", async () => {
    const from = "Millwright <alerts@millwright.example>";
    const answer = await sesSender({ ...aws, from })(tryOf({ to: ["ann@acme.example"] }, notificationOf()));
    expect(answer).to.deep.equal({ result: "delivered", status: 200, error: null });
    const kept = await (await fetch(`${moto.url}/moto-api/data.json`)).json();
    const { Message } = (kept as { ses: { Message: Record<string, unknown>[] } }).ses;
    expect(Message).to.have.length(1);
    expect(Message[0]).to.deep.include({
      source: from,
      subject: "Millwright alert: Too hot on m-001 raised (critical)",
    });
    expect(JSON.stringify(Message[0])).to.contain("ann@acme.example");
  });

  it("does not give up what AWS does not answer", async () => {
    const nowhere = { region: REGION, endpoint: "http://127.0.0.1:1" };
    const sending = smsSender(nowhere)(tryOf({ phoneNumber: "+4915112345678" }, notificationOf()));
    expect(await sending.catch((error: unknown) => error)).to.be.an("error");
  });
});
