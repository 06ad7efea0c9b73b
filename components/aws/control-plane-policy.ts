import * as pulumi from "@pulumi/pulumi";
import { inCluster } from "./event-log-access.ts";
import { storedSecretPrefix, thingPrefix, type AwsScope } from "./names.ts";
import type { Statement } from "./policy.ts";

/** What Fargate does for a task before it runs: its image, and its log. */
export function startingTasks(
  repositoryArn: pulumi.Input<string>,
  logArn: pulumi.Input<string>,
): Statement[] {
  return [
    { Action: "ecr:GetAuthorizationToken", Resource: "*" }, // the action knows no resources
    {
      Action: ["ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"],
      Resource: repositoryArn,
    },
    {
      Action: ["logs:CreateLogStream", "logs:PutLogEvents"],
      Resource: pulumi.interpolate`${logArn}:*`,
    },
  ];
}

/** What the control plane works on. */
export interface ControlPlaneReach {
  readonly scope: AwsScope;
  readonly region: string;
  readonly accountId: string;
  readonly keyArns: Readonly<Record<"data" | "secrets" | "logs" | "messages", pulumi.Input<string>>>;
  readonly eventLog: { readonly clusterArn: pulumi.Input<string> };
  readonly catalog: {
    readonly adminSecretArn: pulumi.Input<string>;
    /** Of the functions' login, with the database's address. */
    readonly loginSecretArn: pulumi.Input<string>;
  };
  /** Where Pulumi keeps the stacks: the platform's, and those that the service makes. */
  readonly state: { readonly bucket: string; readonly keyAlias: string };
}

/** What the service does itself: its secrets, the event log, machines' certificates and the stacks' state. */
export function ownWork(args: ControlPlaneReach): Statement[] {
  const { eventLog, keyArns, catalog, state, region, accountId, scope } = args;
  const bucket = `arn:aws:s3:::${state.bucket}`;
  const atIot = (resource: string) => `arn:aws:iot:${region}:${accountId}:${resource}`;
  const things = atIot(`thing/${thingPrefix(scope)}*`);
  return [
    {
      Action: [
        ...["secretsmanager:GetSecretValue", "secretsmanager:CreateSecret", "secretsmanager:PutSecretValue"],
        ...["secretsmanager:DeleteSecret", "secretsmanager:RestoreSecret"],
      ],
      Resource: `arn:aws:secretsmanager:${region}:${accountId}:secret:${storedSecretPrefix(scope)}/*`,
    },
    {
      Action: "secretsmanager:GetSecretValue",
      Resource: [catalog.loginSecretArn, catalog.adminSecretArn],
    },
    { Action: ["kms:Decrypt", "kms:GenerateDataKey"], Resource: keyArns.secrets },
    {
      Action: [
        ...["kafka-cluster:Connect", "kafka-cluster:DescribeCluster"],
        "kafka-cluster:AlterCluster", // rules of Kafka's own, for who logs in by a password
        "kafka-cluster:DescribeClusterDynamicConfiguration",
      ],
      Resource: eventLog.clusterArn,
    },
    {
      Action: [
        ...["kafka-cluster:CreateTopic", "kafka-cluster:DeleteTopic", "kafka-cluster:AlterTopic"],
        ...["kafka-cluster:DescribeTopic", "kafka-cluster:DescribeTopicDynamicConfiguration"],
        "kafka-cluster:AlterTopicDynamicConfiguration",
        ...["kafka-cluster:ReadData", "kafka-cluster:WriteData"],
      ],
      // The cluster is the platform's own: every topic in it is ours, and tenants come without a change of the role.
      Resource: inCluster(eventLog.clusterArn, "topic", "*"),
    },
    {
      Action: ["kafka-cluster:DescribeGroup", "kafka-cluster:AlterGroup"],
      Resource: inCluster(eventLog.clusterArn, "group", "millwright*"),
    },
    // Certificates of machines. They have no names: those of the account in this region are the limit.
    { Action: "iot:CreateCertificateFromCsr", Resource: "*" }, // the action knows no resources
    { Action: ["iot:UpdateCertificate", "iot:DeleteCertificate"], Resource: atIot("cert/*") },
    {
      Action: ["iot:AttachThingPrincipal", "iot:DetachThingPrincipal"],
      Resource: [atIot("cert/*"), things],
    },
    { Action: ["iot:CreateThing", "iot:DeleteThing"], Resource: things },
    {
      Action: "iot:AddThingToThingGroup",
      Resource: [things, atIot(`thinggroup/millwright-${scope.environment}-*`)],
    },
    { Action: "s3:ListBucket", Resource: bucket },
    { Action: ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], Resource: `${bucket}/.pulumi/*` },
    {
      Action: ["kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey"],
      Resource: `arn:aws:kms:${region}:${accountId}:key/*`,
      Condition: { "ForAnyValue:StringEquals": { "kms:ResourceAliases": state.keyAlias } },
    },
  ];
}

/** What the stacks of tenants are made of, but for servers. By the names that all of ours begin with (names.ts). */
export function deployingTenants(args: ControlPlaneReach): Statement[] {
  const { eventLog, keyArns, region, accountId, scope } = args;
  const ours = `millwright-${scope.environment}-*`;
  const arnOf = (service: string, resource: string) =>
    `arn:aws:${service}:${region}:${accountId}:${resource}`;
  return [
    {
      Action: [
        ...["secretsmanager:CreateSecret", "secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"],
        ...["secretsmanager:PutSecretValue", "secretsmanager:UpdateSecret", "secretsmanager:DeleteSecret"],
        ...["secretsmanager:TagResource", "secretsmanager:UntagResource", "secretsmanager:GetResourcePolicy"],
      ],
      Resource: arnOf("secretsmanager", `secret:${ours}`),
    },
    {
      Action: [
        ...["lambda:CreateFunction", "lambda:DeleteFunction", "lambda:GetFunction"],
        ...["lambda:GetFunctionConfiguration", "lambda:GetFunctionCodeSigningConfig"],
        ...["lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration", "lambda:PublishVersion"],
        ...[
          "lambda:ListVersionsByFunction",
          "lambda:CreateAlias",
          "lambda:UpdateAlias",
          "lambda:DeleteAlias",
        ],
        ...["lambda:GetAlias", "lambda:TagResource", "lambda:UntagResource", "lambda:ListTags"],
        ...["lambda:PutFunctionConcurrency", "lambda:DeleteFunctionConcurrency"],
        ...["lambda:AddPermission", "lambda:RemovePermission", "lambda:GetPolicy"],
      ],
      Resource: arnOf("lambda", `function:${ours}`),
    },
    {
      Action: [
        ...["lambda:CreateEventSourceMapping", "lambda:GetEventSourceMapping"],
        ...["lambda:UpdateEventSourceMapping", "lambda:DeleteEventSourceMapping", "lambda:ListTags"],
        "lambda:TagResource",
      ],
      Resource: "*", // mappings have no names; the condition is the limit
      Condition: { StringLike: { "lambda:FunctionArn": arnOf("lambda", `function:${ours}`) } },
    },
    {
      Action: [
        ...["iam:CreateRole", "iam:DeleteRole", "iam:GetRole", "iam:TagRole", "iam:UntagRole"],
        ...["iam:UpdateAssumeRolePolicy", "iam:PutRolePolicy", "iam:GetRolePolicy", "iam:DeleteRolePolicy"],
        ...["iam:ListRolePolicies", "iam:ListAttachedRolePolicies", "iam:ListInstanceProfilesForRole"],
      ],
      Resource: `arn:aws:iam::${accountId}:role/${ours}`,
    },
    // To servers, functions and the rules of the machines' entrance, and to nobody else.
    ...["ec2", "lambda", "iot"].map((service) => ({
      Action: "iam:PassRole",
      Resource: `arn:aws:iam::${accountId}:role/${ours}`,
      Condition: { StringEquals: { "iam:PassedToService": `${service}.amazonaws.com` } },
    })),
    {
      Action: [
        ...["sqs:CreateQueue", "sqs:DeleteQueue", "sqs:GetQueueAttributes", "sqs:SetQueueAttributes"],
        ...["sqs:GetQueueUrl", "sqs:ListQueueTags", "sqs:TagQueue", "sqs:UntagQueue"],
      ],
      Resource: arnOf("sqs", ours),
    },
    {
      Action: [
        ...["logs:CreateLogGroup", "logs:DeleteLogGroup", "logs:PutRetentionPolicy", "logs:AssociateKmsKey"],
        ...["logs:TagResource", "logs:UntagResource", "logs:ListTagsForResource"],
      ],
      Resource: arnOf("logs", `log-group:/aws/lambda/${ours}`),
    },
    { Action: "logs:DescribeLogGroups", Resource: "*" }, // knows no resources
    {
      Action: [
        ...["cloudwatch:PutMetricAlarm", "cloudwatch:DeleteAlarms", "cloudwatch:DescribeAlarms"],
        ...["cloudwatch:ListTagsForResource", "cloudwatch:TagResource", "cloudwatch:UntagResource"],
      ],
      Resource: arnOf("cloudwatch", `alarm:${ours}`),
    },
    {
      Action: ["cloudwatch:PutDashboard", "cloudwatch:GetDashboard", "cloudwatch:DeleteDashboards"],
      Resource: `arn:aws:cloudwatch::${accountId}:dashboard/${ours}`,
    },
    {
      Action: [
        ...["ssm:PutParameter", "ssm:GetParameter", "ssm:GetParameters", "ssm:DeleteParameter"],
        ...["ssm:AddTagsToResource", "ssm:RemoveTagsFromResource", "ssm:ListTagsForResource"],
      ],
      Resource: arnOf("ssm", `parameter/millwright/${scope.environment}/*`),
    },
    {
      Action: [
        ...["kafka:CreateTopic", "kafka:DescribeTopic", "kafka:UpdateTopic", "kafka:DeleteTopic"],
        ...["kafka:DescribeCluster", "kafka:DescribeClusterV2", "kafka:GetBootstrapBrokers"],
      ],
      Resource: [eventLog.clusterArn, inCluster(eventLog.clusterArn, "topic", "*")],
    },
    {
      Action: [
        ...["iot:CreateThingGroup", "iot:DescribeThingGroup", "iot:UpdateThingGroup", "iot:DeleteThingGroup"],
        ...["iot:CreatePolicy", "iot:GetPolicy", "iot:CreatePolicyVersion", "iot:DeletePolicyVersion"],
        ...["iot:ListPolicyVersions", "iot:DeletePolicy", "iot:AttachPolicy", "iot:DetachPolicy"],
        ...["iot:ListAttachedPolicies", "iot:ListTargetsForPolicy"],
        ...["iot:TagResource", "iot:UntagResource", "iot:ListTagsForResource"],
      ],
      Resource: [arnOf("iot", `thinggroup/${ours}`), arnOf("iot", `policy/${ours}`)],
    },
    {
      Action: [
        ...["iot:CreateTopicRule", "iot:GetTopicRule", "iot:ReplaceTopicRule", "iot:DeleteTopicRule"],
        ...["iot:TagResource", "iot:UntagResource", "iot:ListTagsForResource"],
      ],
      Resource: arnOf("iot", `rule/${ours.replaceAll("-", "_")}`), // a rule's name takes no dash
    },
    {
      Action: ["budgets:ModifyBudget", "budgets:ViewBudget", "budgets:TagResource"],
      Resource: `arn:aws:budgets::${accountId}:budget/${ours}`,
    },
    {
      // Volumes, secrets, queues and logs of tenants are encrypted by the platform's keys.
      Action: [
        ...["kms:DescribeKey", "kms:Encrypt", "kms:Decrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo"],
        ...["kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:CreateGrant"],
      ],
      Resource: [keyArns.data, keyArns.secrets, keyArns.logs, keyArns.messages],
    },
  ];
}

/** Servers of dedicated cells: made with our tags, and changed or ended only where they bear them. */
export function deployingServers({ region, accountId, scope }: ControlPlaneReach): Statement[] {
  const arnOf = (resource: string) => `arn:aws:ec2:${region}:${accountId}:${resource}`;
  const inRegion = { StringEquals: { "aws:RequestedRegion": region } };
  const ofProject = {
    StringEquals: { "aws:ResourceTag/project": "millwright", "aws:RequestedRegion": region },
  };
  const asOurs = { StringEquals: { "aws:RequestTag/project": "millwright", "aws:RequestedRegion": region } };
  return [
    {
      Action: [
        ...["iam:CreateInstanceProfile", "iam:DeleteInstanceProfile", "iam:GetInstanceProfile"],
        ...["iam:AddRoleToInstanceProfile", "iam:RemoveRoleFromInstanceProfile", "iam:TagInstanceProfile"],
      ],
      Resource: `arn:aws:iam::${accountId}:instance-profile/millwright-${scope.environment}-*`,
    },
    {
      Action: [
        ...["ssm:CreateAssociation", "ssm:UpdateAssociation", "ssm:DeleteAssociation"],
        ...["ssm:DescribeAssociation", "ssm:DescribeParameters", "ssm:AddTagsToResource"],
      ],
      Resource: "*", // an association's id is AWS's; the condition is the limit
      Condition: inRegion,
    },
    {
      // A restore: on servers of tenants, and by no other document.
      Action: "ssm:SendCommand",
      Resource: arnOf("instance/*"),
      Condition: {
        StringEquals: {
          "ssm:resourceTag/project": "millwright",
          "ssm:resourceTag/environment": scope.environment,
        },
        StringNotEquals: { "ssm:resourceTag/tenant": "shared" },
      },
    },
    { Action: "ssm:SendCommand", Resource: `arn:aws:ssm:${region}::document/AWS-RunShellScript` },
    {
      Action: ["ssm:ListCommands", "ssm:GetCommandInvocation"],
      Resource: "*", // these actions know no resources
      Condition: inRegion,
    },
    {
      Action: [
        ...[
          "ec2:CreateNetworkInterface",
          "ec2:CreateVolume",
          "ec2:CreateLaunchTemplate",
          "ec2:CreateSnapshot",
        ],
      ],
      Resource: ["network-interface", "volume", "launch-template", "snapshot"].map((kind) =>
        arnOf(`${kind}/*`),
      ),
      Condition: asOurs,
    },
    {
      Action: ["ec2:CreateNetworkInterface", "ec2:RunInstances", "ec2:CreateSnapshot"],
      // What they are made in and of, which bears nobody's tag.
      Resource: [
        ...["subnet", "security-group", "network-interface", "volume", "launch-template"].map((kind) =>
          arnOf(`${kind}/*`),
        ),
        `arn:aws:ec2:${region}::image/*`,
      ],
    },
    { Action: "ec2:RunInstances", Resource: arnOf("instance/*"), Condition: asOurs },
    { Action: "ec2:CreateTags", Resource: arnOf("*"), Condition: asOurs },
    {
      Action: [
        ...[
          "ec2:TerminateInstances",
          "ec2:StopInstances",
          "ec2:StartInstances",
          "ec2:ModifyInstanceAttribute",
        ],
        ...["ec2:AttachVolume", "ec2:DetachVolume", "ec2:ModifyVolume", "ec2:DeleteVolume"],
        ...[
          "ec2:DeleteNetworkInterface",
          "ec2:ModifyNetworkInterfaceAttribute",
          "ec2:DetachNetworkInterface",
        ],
        ...["ec2:CreateLaunchTemplateVersion", "ec2:ModifyLaunchTemplate", "ec2:DeleteLaunchTemplate"],
      ],
      Resource: arnOf("*"),
      Condition: ofProject,
    },
    {
      // Looking; these actions know no resources.
      Action: [
        ...["ec2:DescribeInstances", "ec2:DescribeInstanceAttribute", "ec2:DescribeInstanceTypes"],
        ...[
          "ec2:DescribeInstanceCreditSpecifications",
          "ec2:DescribeVolumes",
          "ec2:DescribeVolumesModifications",
        ],
        ...[
          "ec2:DescribeNetworkInterfaces",
          "ec2:DescribeLaunchTemplates",
          "ec2:DescribeLaunchTemplateVersions",
        ],
        ...["ec2:DescribeImages", "ec2:DescribeAvailabilityZones", "ec2:DescribeTags", "ec2:DescribeVpcs"],
        ...["ec2:DescribeSubnets", "ec2:DescribeSecurityGroups", "ec2:DescribeSnapshots"],
        ...["sts:GetCallerIdentity"],
      ],
      Resource: "*",
    },
  ];
}
