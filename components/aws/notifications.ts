import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { awsName, type AwsScope } from "./names.ts";
import { policyOf } from "./policy.ts";

export interface NotificationsArgs {
  readonly scope: AwsScope;
  readonly accountId: pulumi.Input<string>;
  /** Encrypts the topic. Its policy lets CloudWatch, Budgets and Cost Anomaly Detection use it. */
  readonly keyArn: pulumi.Input<string>;
  /** Who is told of alarms; each confirms once, by email. */
  readonly operators: readonly string[];
  readonly region: string;
  /** Tenants' mail is sent from addresses of this domain, whose DNS takes `mailRecords`; undefined: there is no email. */
  readonly mailDomain: string | undefined;
}

/** What the owner of a domain puts into its DNS. */
export interface DnsRecord {
  readonly name: string;
  readonly type: "CNAME" | "MX" | "TXT";
  readonly value: string;
}

/** The ways out: a topic for what operators must know, and the sender of tenants' mail. */
export class Notifications extends pulumi.ComponentResource {
  readonly alarmTopicArn: pulumi.Output<string>;
  /** Prove that mail is ours: without them it is not sent, or not taken. Empty without a domain. */
  readonly mailRecords: pulumi.Output<readonly DnsRecord[]>;
  /** What is to be watched; undefined without a domain. */
  readonly mailSettingsName: string | undefined;

  constructor(name: string, args: NotificationsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("millwright:aws:Notifications", name, {}, opts);
    const { scope, keyArn, operators, mailDomain } = args;
    const child = { parent: this };
    const topicName = awsName("topic", scope, "alarms");
    const topic = new aws.sns.Topic(`${name}-alarms`, { name: topicName, kmsMasterKeyId: keyArn }, child);
    const services = ["cloudwatch.amazonaws.com", "budgets.amazonaws.com", "costalerts.amazonaws.com"];
    new aws.sns.TopicPolicy(
      `${name}-alarms`,
      { arn: topic.arn, policy: spokenToBy(services, topicName, args) },
      child,
    );
    for (const [index, endpoint] of operators.entries())
      new aws.sns.TopicSubscription(
        `${name}-operator-${index + 1}`,
        { topic: topic.arn, protocol: "email", endpoint },
        child,
      );

    this.alarmTopicArn = topic.arn;
    this.mailSettingsName = mailDomain === undefined ? undefined : awsName("function", scope, "mail"); // 64 characters
    this.mailRecords =
      mailDomain === undefined || this.mailSettingsName === undefined
        ? pulumi.output([])
        : this.#sender(name, args, mailDomain, this.mailSettingsName);
    this.registerOutputs({ alarmTopicArn: this.alarmTopicArn, mailRecords: this.mailRecords });
  }

  #sender(
    name: string,
    args: NotificationsArgs,
    mailDomain: string,
    configurationSetName: string,
  ): pulumi.Output<readonly DnsRecord[]> {
    const { scope, keyArn, region } = args;
    const child = { parent: this };
    const settings = new aws.sesv2.ConfigurationSet(
      `${name}-mail`,
      {
        configurationSetName,
        deliveryOptions: { tlsPolicy: "REQUIRE" },
        reputationOptions: { reputationMetricsEnabled: true },
        suppressionOptions: { suppressedReasons: ["BOUNCE", "COMPLAINT"] },
      },
      child,
    );
    const identity = new aws.sesv2.EmailIdentity(
      `${name}-mail`,
      { emailIdentity: mailDomain, configurationSetName: settings.configurationSetName },
      child,
    );
    new aws.sesv2.EmailIdentityMailFromAttributes(
      `${name}-mail`,
      // Without its MX record mail goes out under Amazon's own name: later than never, for these are alerts.
      {
        emailIdentity: identity.emailIdentity,
        mailFromDomain: `bounce.${mailDomain}`,
        behaviorOnMxFailure: "USE_DEFAULT_VALUE",
      },
      child,
    );
    const topicName = awsName("topic", scope, "mail-events");
    const topic = new aws.sns.Topic(
      `${name}-mail-events`,
      { name: topicName, kmsMasterKeyId: keyArn },
      child,
    );
    const policy = new aws.sns.TopicPolicy(
      `${name}-mail-events`,
      { arn: topic.arn, policy: spokenToBy(["ses.amazonaws.com"], topicName, args) },
      child,
    );
    new aws.sesv2.ConfigurationSetEventDestination(
      `${name}-mail`,
      {
        configurationSetName: settings.configurationSetName,
        eventDestinationName: "events",
        eventDestination: {
          enabled: true,
          matchingEventTypes: ["BOUNCE", "COMPLAINT", "REJECT"],
          snsDestination: { topicArn: topic.arn },
        },
      },
      { ...child, dependsOn: [policy] },
    );
    return identity.dkimSigningAttributes.tokens.apply((tokens) => mailRecords(mailDomain, region, tokens));
  }
}

function mailRecords(domain: string, region: string, dkimTokens: readonly string[]): readonly DnsRecord[] {
  const mailFrom = `bounce.${domain}`;
  const keys = dkimTokens.map((token): DnsRecord => {
    const name = `${token}._domainkey.${domain}`;
    return { name, type: "CNAME", value: `${token}.dkim.amazonses.com` };
  });
  return [
    ...keys,
    { name: mailFrom, type: "MX", value: `10 feedback-smtp.${region}.amazonses.com` },
    { name: mailFrom, type: "TXT", value: "v=spf1 include:amazonses.com -all" },
    { name: `_dmarc.${domain}`, type: "TXT", value: "v=DMARC1; p=quarantine" },
  ];
}

/** Only by these, for our account, and encrypted. */
function spokenToBy(
  services: string[],
  topicName: string,
  { region, accountId }: NotificationsArgs,
): pulumi.Output<string> {
  // Of names, not of the topic's output: a policy that is not known before the topic is made, no preview can judge.
  const topicArn = pulumi.interpolate`arn:aws:sns:${region}:${accountId}:${topicName}`;
  return policyOf([
    {
      Principal: { Service: services },
      Action: "sns:Publish",
      Resource: topicArn,
      // These services act for every account: ours alone may make them speak here.
      Condition: { StringEquals: { "aws:SourceAccount": accountId } },
    },
    {
      Effect: "Deny",
      Principal: { AWS: "*" },
      Action: "sns:Publish",
      Resource: topicArn,
      Condition: { Bool: { "aws:SecureTransport": "false" } },
    },
  ]);
}
