import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { awsName, type AwsScope } from "./names.ts";
import type { Statement } from "./policy.ts";
import { serviceRole } from "./service-role.ts";

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
    const { scope } = args;
    const role = serviceRole(
      name,
      {
        ...{ scope, part: name, service: "ec2.amazonaws.com" },
        policy: { name: "timescale", statements: ownStatements(args) },
      },
      { parent: this },
    );
    const profile = new aws.iam.InstanceProfile(
      name,
      { name: awsName("instanceProfile", scope, name), role: role.name },
      // A server that starts before it may read its secret fails for good.
      { parent: this, dependsOn: [role.policy] },
    );
    this.instanceProfileArn = profile.arn;
    this.registerOutputs({ instanceProfileArn: this.instanceProfileArn });
  }
}

function ownStatements(args: TimescaleRoleArgs): Statement[] {
  const { cell } = args;
  return [
    {
      Sid: "ListOwnBackups",
      Action: "s3:ListBucket",
      Resource: args.backupBucketArn,
      Condition: { StringLike: { "s3:prefix": `timescale/${cell}/*` } },
    },
    {
      Sid: "OwnBackups",
      Action: ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
      Resource: pulumi.interpolate`${args.backupBucketArn}/timescale/${cell}/*`,
    },
    {
      Sid: "BackupKey",
      Action: ["kms:Decrypt", "kms:GenerateDataKey"],
      Resource: args.dataKeyArn,
    },
    { Sid: "OwnLogins", Action: "secretsmanager:GetSecretValue", Resource: args.loginsSecretArn },
    { Sid: "LoginsKey", Action: "kms:Decrypt", Resource: args.secretsKeyArn },
    {
      Sid: "OwnCertificates",
      Action: "ssm:PutParameter",
      Resource: args.certificateParameters.map((path) => parameterArn(args.loginsSecretArn, path)),
    },
    {
      Sid: "Figures",
      Action: "cloudwatch:PutMetricData",
      Resource: "*", // the action knows no resources; the condition is its limit
      Condition: { StringEquals: { "cloudwatch:namespace": "Millwright/Timescale" } },
    },
    {
      // Narrower than AmazonSSMManagedInstanceCore, which reads every parameter of the account.
      Sid: "ManagedBySsm",
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
  ];
}

/** Of a parameter beside a secret, in the same account and region: `arn:aws:secretsmanager:REGION:ACCOUNT:secret:…`. */
function parameterArn(secretArn: pulumi.Input<string>, path: string): pulumi.Output<string> {
  return pulumi.output(secretArn).apply((arn) => {
    const [, partition, , region, account] = arn.split(":");
    return `arn:${partition}:ssm:${region}:${account}:parameter${path}`;
  });
}
