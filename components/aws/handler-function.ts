import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { deadLetterQueue } from "./dead-letter-queue.ts";
import { readingsOf, type EventLogAccess } from "./event-log-access.ts";
import { HANDLERS, type HandlerName, type HandlerSpec } from "./handlers.ts";
import { awsName, type AwsScope } from "./names.ts";
import type { Statement } from "./policy.ts";
import { serviceRole } from "./service-role.ts";

/** What all functions of an environment stand on. */
export interface FunctionPlace {
  readonly scope: AwsScope;
  /** Folder with the bundle of each handler (`npm run build`). */
  readonly bundles: string;
  readonly subnetIds: pulumi.Input<pulumi.Input<string>[]>;
  readonly securityGroupIds: pulumi.Input<string>[];
  /** Of settings and of the secrets that they name; of logs, whose policy lets CloudWatch Logs use it; of dead letters. */
  readonly keyArns: Readonly<Record<"secrets" | "logs" | "messages", pulumi.Input<string>>>;
  readonly logRetentionDays: number;
  readonly eventLog: EventLogAccess;
}

export interface HandlerFunctionArgs extends FunctionPlace {
  readonly handler: HandlerName;
  /** Which of several functions of the handler it is, such as the cell that it fills. */
  readonly part?: string;
  /** ARN by setting, one for each that the handler names. */
  readonly secrets: Readonly<Record<string, pulumi.Input<string>>>;
  readonly settings?: Readonly<Record<string, pulumi.Input<string>>>;
  /** Executions kept for it, and its limit; undefined: it takes from what all share. */
  readonly reservedConcurrency?: number;
  /** `live` stays where it is when new code is published, until a deployment leads it there (GradualShift). */
  readonly shiftsGradually?: boolean;
}

/** A handler as a function on Lambda: role, log, dead letters and the alias `live`, which its events go to. */
export class HandlerFunction extends pulumi.ComponentResource {
  readonly handler: HandlerName;
  readonly functionName: string;
  readonly alias = "live";
  /** What was published last. */
  readonly version: pulumi.Output<string>;
  readonly liveArn: pulumi.Output<string>;
  readonly deadLetterArn: pulumi.Output<string>;
  readonly deadLetterName: string;

  constructor(name: string, args: HandlerFunctionArgs, opts?: pulumi.ComponentResourceOptions) {
    super("millwright:aws:HandlerFunction", name, {}, opts);
    const { scope, handler, keyArns, eventLog } = args;
    const spec: HandlerSpec = HANDLERS[handler];
    const part = args.part === undefined ? handler : `${handler}-${args.part}`;
    const child = { parent: this };
    this.handler = handler;
    this.functionName = awsName("function", scope, part);

    const letters = deadLetterQueue(name, { scope, part, keyArn: keyArns.messages }, child);
    this.deadLetterName = letters.name;
    const log = new aws.cloudwatch.LogGroup(
      name,
      {
        name: `/aws/lambda/${this.functionName}`,
        retentionInDays: args.logRetentionDays,
        kmsKeyId: keyArns.logs,
      },
      child,
    );
    const statements = [
      ...ownStatements(args, spec, log.arn, letters.arn),
      ...(spec.source === undefined ? [] : readingsOf(eventLog.clusterArn, this.functionName)),
      ...(spec.sends === true ? SENDING : []),
    ];
    const role = serviceRole(
      name,
      { scope, part, service: "lambda.amazonaws.com", policy: { name: "handler", statements } },
      child,
    );
    const lambda = new aws.lambda.Function(
      name,
      {
        name: this.functionName,
        role: role.arn,
        runtime: "nodejs24.x",
        architectures: ["arm64"],
        handler: "index.handler",
        code: new pulumi.asset.FileArchive(`${args.bundles}/${handler}`),
        memorySize: spec.memoryMb,
        timeout: spec.timeoutSeconds,
        publish: true,
        kmsKeyArn: keyArns.secrets,
        environment: { variables: variablesOf(args, spec) },
        vpcConfig: { subnetIds: args.subnetIds, securityGroupIds: args.securityGroupIds },
        deadLetterConfig: { targetArn: letters.arn },
        tracingConfig: { mode: "Active" },
        loggingConfig: { logFormat: "JSON", logGroup: log.name },
        ...(args.reservedConcurrency === undefined
          ? {}
          : { reservedConcurrentExecutions: args.reservedConcurrency }),
      },
      // Lambda checks the role when the function is made: with its policy, or not at all.
      { parent: this, dependsOn: [role.policy] },
    );
    const live = new aws.lambda.Alias(
      `${name}-live`,
      { name: this.alias, functionName: lambda.name, functionVersion: lambda.version },
      {
        parent: this,
        ignoreChanges: args.shiftsGradually === true ? ["functionVersion", "routingConfig"] : [],
      },
    );
    if (spec.schedule !== undefined) invokeBySchedule(name, scope, part, spec.schedule, live, child);

    this.version = lambda.version;
    this.liveArn = live.arn;
    this.deadLetterArn = letters.arn;
    this.registerOutputs({ liveArn: this.liveArn, deadLetterArn: this.deadLetterArn });
  }
}

function ownStatements(
  { secrets, keyArns }: HandlerFunctionArgs,
  spec: HandlerSpec,
  logArn: pulumi.Output<string>,
  lettersArn: pulumi.Output<string>,
): Statement[] {
  return [
    { Action: ["logs:CreateLogStream", "logs:PutLogEvents"], Resource: pulumi.interpolate`${logArn}:*` },
    {
      Action: "secretsmanager:GetSecretValue",
      Resource: spec.secrets.map((setting) => secretOf(secrets, setting)),
    },
    { Action: "kms:Decrypt", Resource: keyArns.secrets },
    { Action: ["kms:Decrypt", "kms:GenerateDataKey"], Resource: keyArns.messages },
    { Action: "sqs:SendMessage", Resource: lettersArn },
    {
      // Lambda itself makes the network interfaces, in the role's name; these actions know no resource beforehand.
      Action: [
        ...["ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces"],
        ...["ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses"],
      ],
      Resource: "*",
    },
    // X-Ray's actions know no resources.
    { Action: ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], Resource: "*" },
  ];
}

const SENDING: readonly Statement[] = [
  // Topics and phones are those that tenants name: in their own accounts, which decide by their topics' policies.
  { Action: "sns:Publish", Resource: "*" },
  // A sender is an identity that is verified in our account; its name is a setting.
  {
    Action: "ses:SendEmail",
    Resource: ["arn:aws:ses:*:*:identity/*", "arn:aws:ses:*:*:configuration-set/*"],
  },
];

function variablesOf(
  { secrets, settings = {}, eventLog }: HandlerFunctionArgs,
  spec: HandlerSpec,
): Record<string, pulumi.Input<string>> {
  return {
    // Node does not read what Lambda's image trusts by itself: RDS' certificates are signed by Amazon's own authority.
    NODE_EXTRA_CA_CERTS: "/var/runtime/ca-cert.pem",
    ...Object.fromEntries(spec.secrets.map((setting) => [setting, secretOf(secrets, setting)])),
    ...(spec.source === undefined
      ? {}
      : { KAFKA_BROKERS: eventLog.brokers, KAFKA_TLS: "true", KAFKA_SASL_MECHANISM: "aws-msk-iam" }),
    ...settings,
  };
}

function secretOf(secrets: HandlerFunctionArgs["secrets"], setting: string): pulumi.Input<string> {
  const arn = secrets[setting];
  if (arn === undefined) throw new pulumi.RunError(`A function was given no ${setting}.`);
  return arn;
}

function invokeBySchedule(
  name: string,
  scope: AwsScope,
  part: string,
  schedule: string,
  live: aws.lambda.Alias,
  child: pulumi.CustomResourceOptions,
): void {
  const rule = new aws.cloudwatch.EventRule(
    name,
    { name: awsName("function", scope, part), scheduleExpression: schedule },
    child,
  );
  new aws.lambda.Permission(
    name,
    {
      action: "lambda:InvokeFunction",
      function: live.functionName,
      qualifier: live.name,
      principal: "events.amazonaws.com",
      sourceArn: rule.arn,
    },
    child,
  );
  new aws.cloudwatch.EventTarget(name, { rule: rule.name, arn: live.arn }, child);
}
