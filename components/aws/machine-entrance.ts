import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { LocalProvider } from "../local/local-provider.ts";
import { RandomSecret } from "../local/random-secret.ts";
import { deadLetterQueue } from "./dead-letter-queue.ts";
import { kafkaSecretName, type AwsScope } from "./names.ts";
import { policyOf, type Statement } from "./policy.ts";
import { serviceRole } from "./service-role.ts";

export interface MachineEntranceArgs {
  readonly scope: AwsScope;
  readonly vpcId: pulumi.Input<string>;
  readonly subnetIds: pulumi.Input<pulumi.Input<string>[]>;
  readonly securityGroupId: pulumi.Input<string>;
  readonly keyArns: Readonly<Record<"secrets" | "messages", pulumi.Input<string>>>;
  readonly clusterArn: pulumi.Input<string>;
}

/** What the rules of all tenants use. */
export interface MachineEntranceAccess {
  /** The way into the network. */
  readonly destinationArn: pulumi.Input<string>;
  /** With it rules read the login and write what they could not deliver. */
  readonly roleArn: pulumi.Input<string>;
  readonly loginSecretArn: pulumi.Input<string>;
  readonly deadLetterUrl: pulumi.Input<string>;
}

/** Of the event log, and the only one that is no IAM identity: IoT Core knows no other login. */
export const MACHINE_LOGIN = "millwright-machines";

/** What IoT Core needs to write the messages of machines into the event log (ADR 56). */
export class MachineEntrance extends pulumi.ComponentResource {
  readonly access: { readonly [Name in keyof MachineEntranceAccess]: pulumi.Output<string> };
  readonly deadLetterName: string;

  constructor(name: string, args: MachineEntranceArgs, opts?: pulumi.ComponentResourceOptions) {
    super("millwright:aws:MachineEntrance", name, {}, opts);
    const { scope, keyArns } = args;
    const child = { parent: this };
    const secret = this.#login(name, args);
    const letters = deadLetterQueue(name, { scope, part: name, keyArn: keyArns.messages }, child);
    this.deadLetterName = letters.name;
    const roleOf = (part: string, statements: readonly Statement[]) =>
      serviceRole(
        part,
        { scope, part, service: "iot.amazonaws.com", policy: { name: "iot", statements } },
        child,
      );
    const rules = roleOf(`${name}-rules`, [
      { Action: ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"], Resource: secret.arn },
      { Action: "kms:Decrypt", Resource: keyArns.secrets },
      { Action: "sqs:SendMessage", Resource: letters.arn },
      { Action: ["kms:Decrypt", "kms:GenerateDataKey"], Resource: keyArns.messages },
    ]);
    const network = roleOf(`${name}-network`, [
      {
        // IoT Core makes the network interfaces; these actions know no resource beforehand.
        Action: [
          ...["ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces"],
          ...["ec2:CreateNetworkInterfacePermission", "ec2:DescribeSubnets", "ec2:DescribeVpcs"],
          ...["ec2:DescribeVpcAttribute", "ec2:DescribeSecurityGroups"],
        ],
        Resource: "*",
      },
      {
        Action: "ec2:CreateTags",
        Resource: "arn:aws:ec2:*:*:network-interface/*",
        Condition: { StringEquals: { "ec2:CreateAction": "CreateNetworkInterface" } },
      },
    ]);
    const destination = new aws.iot.TopicRuleDestination(
      name,
      {
        vpcConfiguration: {
          ...{ vpcId: args.vpcId, subnetIds: args.subnetIds, securityGroups: [args.securityGroupId] },
          roleArn: network.arn,
        },
      },
      // It is tried when it is made: with the role's policy, or not at all.
      { parent: this, dependsOn: [network.policy] },
    );
    this.access = {
      destinationArn: destination.arn,
      roleArn: rules.arn,
      loginSecretArn: secret.arn,
      deadLetterUrl: letters.url,
    };
    this.registerOutputs({ access: this.access });
  }

  /** MSK reads it itself: by this name, under a key of ours, and with a policy that lets it. */
  #login(name: string, { scope, keyArns, clusterArn }: MachineEntranceArgs): aws.secretsmanager.Secret {
    const child = { parent: this };
    const provider = new LocalProvider(`${name}-random`, child);
    const { value: password } = new RandomSecret(`${name}-login`, {}, { ...child, provider });
    const secret = new aws.secretsmanager.Secret(
      `${name}-login`,
      { name: kafkaSecretName(scope, name), kmsKeyId: keyArns.secrets, recoveryWindowInDays: 7 },
      child,
    );
    const version = new aws.secretsmanager.SecretVersion(
      `${name}-login`,
      {
        secretId: secret.arn,
        secretString: pulumi.secret(pulumi.jsonStringify({ username: MACHINE_LOGIN, password })),
      },
      child,
    );
    const policy = new aws.secretsmanager.SecretPolicy(
      `${name}-login`,
      {
        secretArn: secret.arn,
        policy: policyOf([
          {
            Principal: { Service: "kafka.amazonaws.com" },
            Action: "secretsmanager:GetSecretValue",
            Resource: "*", // in a secret's policy: this secret, whose ARN no preview knows
          },
        ]),
      },
      child,
    );
    new aws.msk.ScramSecretAssociation(
      name,
      { clusterArn, secretArnLists: [secret.arn] },
      { ...child, dependsOn: [version, policy] },
    );
    return secret;
  }
}
