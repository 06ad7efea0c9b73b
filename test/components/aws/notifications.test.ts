import { expect } from "chai";
import { CostWatch } from "../../../components/aws/cost-watch.ts";
import { Notifications } from "../../../components/aws/notifications.ts";
import { tenantId } from "../../../model/tenant.ts";
import { mockAws } from "../../support/aws-mocks.ts";
import { valueOf } from "../../support/outputs.ts";

const KEY = "arn:aws:kms:us-east-1:123456789012:key/k";
const TOPIC = "arn:aws:sns:us-east-1:123456789012:alarms";
const environment = "production";

describe("Notifications", () => {
  const created = mockAws();
  const make = (mailDomain: string | undefined) =>
    new Notifications(
      "notifications",
      {
        ...{ scope: { environment, tenant: undefined }, accountId: "123456789012", keyArn: KEY },
        ...{ operators: ["ops@example.com"], mailDomain, region: "eu-central-1" },
      },
      created.watched,
    );

  it("let services of AWS speak for our account alone, encrypted", async () => {
    make(undefined);
    const resources = await created.settled();
    const topic = resources.get("aws:sns/topic:Topic", "notifications-alarms").inputs;
    expect(topic).to.deep.include({ name: "millwright-production-shared-alarms", kmsMasterKeyId: KEY });
    const { policy } = resources.get("aws:sns/topicPolicy:TopicPolicy", "notifications-alarms").inputs;
    const { Statement } = JSON.parse(policy as string) as { Statement: Record<string, unknown>[] };
    expect(Statement.map(({ Effect, Condition }) => [Effect, Condition])).to.deep.equal([
      ["Allow", { StringEquals: { "aws:SourceAccount": "123456789012" } }],
      ["Deny", { Bool: { "aws:SecureTransport": "false" } }],
    ]);
    const operator = resources.get("aws:sns/topicSubscription:TopicSubscription", "notifications-operator-1");
    expect(operator.inputs).to.include({ protocol: "email", endpoint: "ops@example.com" });
    expect(resources.ofType("aws:sesv2/emailIdentity:EmailIdentity")).to.deep.equal([]);
    expect(resources.orphans()).to.deep.equal([]);
  });

  it("send mail of a domain by TLS only, and to nobody who complained", async () => {
    const { mailRecords } = make("mail.example.com");
    const resources = await created.settled();
    const settings = resources.get(
      "aws:sesv2/configurationSet:ConfigurationSet",
      "notifications-mail",
    ).inputs;
    expect(settings).to.deep.include({
      deliveryOptions: { tlsPolicy: "REQUIRE" },
      suppressionOptions: { suppressedReasons: ["BOUNCE", "COMPLAINT"] },
    });
    const identity = resources.get("aws:sesv2/emailIdentity:EmailIdentity", "notifications-mail").inputs;
    expect(identity).to.deep.equal({
      emailIdentity: "mail.example.com",
      configurationSetName: settings["configurationSetName"],
    });
    const from = "aws:sesv2/emailIdentityMailFromAttributes:EmailIdentityMailFromAttributes";
    expect(resources.get(from, "notifications-mail").inputs).to.include({
      mailFromDomain: "bounce.mail.example.com",
    });
    const records = await valueOf(mailRecords);
    expect(records.map(({ name, type, value }) => `${name} ${type} ${value}`)).to.deep.equal([
      ...["t1", "t2", "t3"].map(
        (token) => `${token}._domainkey.mail.example.com CNAME ${token}.dkim.amazonses.com`,
      ),
      "bounce.mail.example.com MX 10 feedback-smtp.eu-central-1.amazonses.com",
      "bounce.mail.example.com TXT v=spf1 include:amazonses.com -all",
      "_dmarc.mail.example.com TXT v=DMARC1; p=quarantine",
    ]);
  });

  it("tell what comes back and who complains, on an encrypted topic that SES alone may speak on", async () => {
    make("mail.example.com");
    const resources = await created.settled();
    const topic = resources.get("aws:sns/topic:Topic", "notifications-mail-events").inputs;
    expect(topic).to.include({ kmsMasterKeyId: KEY });
    const { policy } = resources.get("aws:sns/topicPolicy:TopicPolicy", "notifications-mail-events").inputs;
    const { Statement } = JSON.parse(policy as string) as { Statement: Record<string, unknown>[] };
    expect(Statement[0]).to.deep.include({
      Principal: { Service: ["ses.amazonaws.com"] },
      Condition: { StringEquals: { "aws:SourceAccount": "123456789012" } },
    });
    const destination = "aws:sesv2/configurationSetEventDestination:ConfigurationSetEventDestination";
    const { eventDestination } = resources.get(destination, "notifications-mail").inputs;
    expect(eventDestination).to.deep.include({
      ...{ enabled: true, matchingEventTypes: ["BOUNCE", "COMPLAINT", "REJECT"] },
    });
    expect(resources.orphans()).to.deep.equal([]);
  });
});

describe("CostWatch", () => {
  const created = mockAws();
  const figures = { budgetUsdPerMonth: 1_200, anomalyUsd: 50, topicArn: TOPIC };

  it("counts what carries a tenant's tag, and warns before and when it is spent", async () => {
    const scope = { environment, tenant: tenantId.parse("acme") };
    expect(new CostWatch("acme", { scope, ...figures }, created.watched)).to.be.instanceOf(CostWatch);
    const resources = await created.settled();
    const budget = resources.get("aws:budgets/budget:Budget", "acme").inputs;
    expect(budget).to.deep.include({
      ...{ limitAmount: "1200", limitUnit: "USD", timeUnit: "MONTHLY" },
      costFilters: [{ name: "TagKeyValue", values: ["user:tenant$acme"] }],
    });
    const warnings = budget["notifications"] as { notificationType: string; threshold: number }[];
    expect(warnings.map(({ notificationType, threshold }) => [notificationType, threshold])).to.deep.equal([
      ["ACTUAL", 80],
      ["ACTUAL", 100],
      ["FORECASTED", 100],
    ]);
    const subscription = resources.get(
      "aws:costexplorer/anomalySubscription:AnomalySubscription",
      "acme",
    ).inputs;
    expect(subscription["thresholdExpression"]).to.deep.equal({
      dimension: {
        key: "ANOMALY_TOTAL_IMPACT_ABSOLUTE",
        matchOptions: ["GREATER_THAN_OR_EQUAL"],
        values: ["50"],
      },
    });
    expect(resources.orphans()).to.deep.equal([]);
  });

  it("counts the whole environment where there is no tenant", async () => {
    const scope = { environment, tenant: undefined };
    expect(new CostWatch("all", { scope, ...figures }, created.watched)).to.be.instanceOf(CostWatch);
    const budget = (await created.settled()).get("aws:budgets/budget:Budget", "all").inputs;
    expect(budget["costFilters"]).to.deep.equal([
      { name: "TagKeyValue", values: ["user:environment$production"] },
    ]);
  });
});
