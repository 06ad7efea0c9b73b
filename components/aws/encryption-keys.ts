import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { awsName, type AwsScope } from "./names.ts";

export interface EncryptionKeysArgs {
  readonly scope: AwsScope;
  readonly accountId: pulumi.Input<string>;
  readonly region: pulumi.Input<string>;
  readonly isProtected: boolean;
}

/** What each key is for, and which services of AWS use it in their own name (people and roles do by their IAM policies). */
const KEYS = {
  data: { of: "databases, volumes, buckets and the event log", services: [] },
  secrets: { of: "Secrets Manager", services: [] },
  logs: { of: "log groups", services: ["logs"] },
  messages: { of: "topics and queues", services: ["cloudwatch", "sns", "budgets", "costalerts", "ses"] },
} as const;
export type KeyPurpose = keyof typeof KEYS;

/** One key for each kind of data, so that who reads logs cannot read the databases; each is changed yearly by AWS. */
export class EncryptionKeys extends pulumi.ComponentResource {
  readonly arns: Readonly<Record<KeyPurpose, pulumi.Output<string>>>;

  constructor(name: string, args: EncryptionKeysArgs, opts?: pulumi.ComponentResourceOptions) {
    super("millwright:aws:EncryptionKeys", name, {}, opts);
    const { scope, isProtected: protect } = args;
    const make = (purpose: KeyPurpose) => {
      const key = new aws.kms.Key(
        `${name}-${purpose}`,
        {
          description: `Millwright ${scope.environment}: ${KEYS[purpose].of}`,
          enableKeyRotation: true,
          // A deleted key is the loss of all that it encrypts: the longest time there is to notice.
          deletionWindowInDays: 30,
          policy: keyPolicy(args, KEYS[purpose].services),
        },
        { parent: this, protect },
      );
      const alias = {
        name: `alias/${awsName("other", scope, `${name}-${purpose}`)}`,
        targetKeyId: key.keyId,
      };
      new aws.kms.Alias(`${name}-${purpose}`, alias, { parent: this });
      return key.arn;
    };
    this.arns = {
      data: make("data"),
      secrets: make("secrets"),
      logs: make("logs"),
      messages: make("messages"),
    };
    this.registerOutputs({ arns: this.arns });
  }
}

function keyPolicy({ accountId, region }: EncryptionKeysArgs, services: readonly string[]) {
  return pulumi.all([accountId, region]).apply(([account, home]) =>
    JSON.stringify({
      Version: "2012-10-17",
      Statement: [
        {
          // In a key's policy `*` is this key, and without this statement nobody could ever change the policy again:
          // it hands the decision to the account's IAM policies.
          Sid: "Account",
          Effect: "Allow",
          Principal: { AWS: `arn:aws:iam::${account}:root` },
          Action: "kms:*",
          Resource: "*",
        },
        ...services.map((service) => ({
          Sid: service,
          Effect: "Allow",
          Principal: {
            Service: service === "logs" ? `logs.${home}.amazonaws.com` : `${service}.amazonaws.com`,
          },
          Action: ["kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey*", "kms:DescribeKey"],
          Resource: "*", // this key
          Condition:
            service === "logs"
              ? { ArnLike: { "kms:EncryptionContext:aws:logs:arn": `arn:aws:logs:${home}:${account}:*` } }
              : { StringEquals: { "aws:SourceAccount": account } },
        })),
      ],
    }),
  );
}
