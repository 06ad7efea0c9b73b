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
  /** Tenants' mail is sent from addresses of this domain, whose DNS takes `dkimTokens`; undefined: there is no email. */
  readonly mailDomain: string | undefined;
}

/** The ways out: a topic for what operators must know, and the sender of tenants' mail. */
export class Notifications extends pulumi.ComponentResource {
  readonly alarmTopicArn: pulumi.Output<string>;
  /** CNAMEs `TOKEN._domainkey.DOMAIN` → `TOKEN.dkim.amazonses.com`; empty without a domain. */
  readonly dkimTokens: pulumi.Output<string[]>;

  constructor(name: string, args: NotificationsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("millwright:aws:Notifications", name, {}, opts);
    const { scope, accountId, keyArn, operators, mailDomain } = args;
    const child = { parent: this };
    const topic = new aws.sns.Topic(
      `${name}-alarms`,
      { name: awsName("topic", scope, "alarms"), kmsMasterKeyId: keyArn },
      child,
    );
    new aws.sns.TopicPolicy(
      `${name}-alarms`,
      {
        arn: topic.arn,
        policy: policyOf([
          {
            Principal: {
              Service: ["cloudwatch.amazonaws.com", "budgets.amazonaws.com", "costalerts.amazonaws.com"],
            },
            Action: "sns:Publish",
            Resource: topic.arn,
            // These services act for every account: ours alone may make them speak here.
            Condition: { StringEquals: { "aws:SourceAccount": accountId } },
          },
          {
            Effect: "Deny",
            Principal: { AWS: "*" },
            Action: "sns:Publish",
            Resource: topic.arn,
            Condition: { Bool: { "aws:SecureTransport": "false" } },
          },
        ]),
      },
      child,
    );
    for (const [index, endpoint] of operators.entries())
      new aws.sns.TopicSubscription(
        `${name}-operator-${index + 1}`,
        { topic: topic.arn, protocol: "email", endpoint },
        child,
      );

    this.alarmTopicArn = topic.arn;
    this.dkimTokens = pulumi.output(mailDomain === undefined ? [] : this.#sender(name, scope, mailDomain));
    this.registerOutputs({ alarmTopicArn: this.alarmTopicArn, dkimTokens: this.dkimTokens });
  }

  #sender(name: string, scope: AwsScope, mailDomain: string): pulumi.Output<string[]> {
    const settings = new aws.sesv2.ConfigurationSet(
      `${name}-mail`,
      {
        configurationSetName: awsName("function", scope, "mail"), // 64 characters
        deliveryOptions: { tlsPolicy: "REQUIRE" },
        reputationOptions: { reputationMetricsEnabled: true },
        suppressionOptions: { suppressedReasons: ["BOUNCE", "COMPLAINT"] },
      },
      { parent: this },
    );
    const identity = new aws.sesv2.EmailIdentity(
      `${name}-mail`,
      { emailIdentity: mailDomain, configurationSetName: settings.configurationSetName },
      { parent: this },
    );
    return identity.dkimSigningAttributes.tokens;
  }
}
