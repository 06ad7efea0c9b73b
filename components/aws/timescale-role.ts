import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { awsName, type AwsScope } from "./names.ts";

export interface TimescaleRoleArgs {
  readonly scope: AwsScope;
  /** The cell: its backups lie below `timescale/CELL/`. */
  readonly cell: string;
  readonly backupBucketArn: pulumi.Input<string>;
  readonly dataKeyArn: pulumi.Input<string>;
  readonly secretsKeyArn: pulumi.Input<string>;
  readonly loginsSecretArn: pulumi.Input<string>;
  /** Where its servers publish their certificates: SSM parameters of these names. */
  readonly certificateParameters: readonly string[];
}

/** What the servers of one cell may do: their own backups, their own passwords, their figures, and being managed by SSM. */
export class TimescaleRole extends pulumi.ComponentResource {
  readonly instanceProfileArn: pulumi.Output<string>;

  constructor(name: string, args: TimescaleRoleArgs, opts?: pulumi.ComponentResourceOptions) {
    super("millwright:aws:TimescaleRole", name, {}, opts);
    const { scope, cell } = args;
    const role = new aws.iam.Role(
      name,
      {
        name: awsName("role", scope, name),
        assumeRolePolicy: policyOf([
          { Effect: "Allow", Principal: { Service: "ec2.amazonaws.com" }, Action: "sts:AssumeRole" },
        ]),
      },
      { parent: this },
    );
    const policy = pulumi
      .all([args.backupBucketArn, args.dataKeyArn, args.secretsKeyArn, args.loginsSecretArn])
      .apply(([bucket, dataKey, secretsKey, secret]) =>
        policyOf([
          {
            Sid: "ListOwnBackups",
            Effect: "Allow",
            Action: "s3:ListBucket",
            Resource: bucket,
            Condition: { StringLike: { "s3:prefix": `timescale/${cell}/*` } },
          },
          {
            Sid: "OwnBackups",
            Effect: "Allow",
            Action: ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
            Resource: `${bucket}/timescale/${cell}/*`,
          },
          {
            Sid: "BackupKey",
            Effect: "Allow",
            Action: ["kms:Decrypt", "kms:GenerateDataKey"],
            Resource: dataKey,
          },
          { Sid: "OwnLogins", Effect: "Allow", Action: "secretsmanager:GetSecretValue", Resource: secret },
          { Sid: "LoginsKey", Effect: "Allow", Action: "kms:Decrypt", Resource: secretsKey },
          {
            Sid: "OwnCertificates",
            Effect: "Allow",
            Action: "ssm:PutParameter",
            Resource: args.certificateParameters.map((path) => parameterArn(secret, path)),
          },
          {
            Sid: "Figures",
            Effect: "Allow",
            Action: "cloudwatch:PutMetricData",
            Resource: "*", // the action knows no resources; the condition is its limit
            Condition: { StringEquals: { "cloudwatch:namespace": "Millwright/Timescale" } },
          },
          {
            // Narrower than AmazonSSMManagedInstanceCore, which reads every parameter of the account.
            Sid: "ManagedBySsm",
            Effect: "Allow",
            Action: [
              ...["ssm:UpdateInstanceInformation", "ssm:ListAssociations", "ssm:ListInstanceAssociations"],
              ...["ssm:UpdateInstanceAssociationStatus", "ssm:GetDocument", "ssm:DescribeDocument"],
              ...["ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel"],
              ...["ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel"],
              ...["ec2messages:AcknowledgeMessage", "ec2messages:DeleteMessage", "ec2messages:FailMessage"],
              ...["ec2messages:GetEndpoint", "ec2messages:GetMessages", "ec2messages:SendReply"],
            ],
            Resource: "*", // the agent's own channels: these actions know no resources
          },
        ]),
      );
    const attached = new aws.iam.RolePolicy(
      name,
      { name: "timescale", role: role.name, policy },
      { parent: this },
    );
    const profile = new aws.iam.InstanceProfile(
      name,
      { name: awsName("instanceProfile", scope, name), role: role.name },
      // A server that starts before it may read its secret fails for good.
      { parent: this, dependsOn: [attached] },
    );
    this.instanceProfileArn = profile.arn;
    this.registerOutputs({ instanceProfileArn: this.instanceProfileArn });
  }
}

/** Of a parameter beside a secret, in the same account and region: `arn:aws:secretsmanager:REGION:ACCOUNT:secret:…`. */
function parameterArn(secretArn: string, path: string): string {
  const [, partition, , region, account] = secretArn.split(":");
  return `arn:${partition}:ssm:${region}:${account}:parameter${path}`;
}

function policyOf(statements: readonly object[]): string {
  return JSON.stringify({ Version: "2012-10-17", Statement: statements });
}
