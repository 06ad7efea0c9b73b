import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { AwsSettings } from "../../model/aws/settings.ts";
import type { AwsPlatformSettings } from "../../model/aws/platform-settings.ts";
import {
  deployingServers,
  deployingTenants,
  ownWork,
  startingTasks,
  type ControlPlaneReach,
} from "./control-plane-policy.ts";
import { MACHINE_LOGIN } from "./machine-entrance.ts";
import { awsName, awsPath, storedSecretPrefix } from "./names.ts";
import { policyOf, type Statement } from "./policy.ts";
import { SERVICE_PORT } from "./service-load-balancer.ts";
import { serviceRole } from "./service-role.ts";

export interface ControlPlaneArgs extends ControlPlaneReach {
  readonly settings: AwsSettings["service"];
  readonly subnetIds: pulumi.Input<pulumi.Input<string>[]>;
  readonly securityGroupId: pulumi.Input<string>;
  /** Of its load balancer. */
  readonly targetGroupArn: pulumi.Input<string>;
  readonly eventLog: ControlPlaneReach["eventLog"] & { readonly brokers: pulumi.Input<string> };
  readonly machines: {
    /** Where they connect to IoT Core. */
    readonly endpoint: pulumi.Input<string>;
    readonly entrance: AwsPlatformSettings["machines"]["entrance"];
  };
  readonly sharedCells: AwsPlatformSettings["sharedCells"];
  /** `millwright:aws` of tenants' stacks. */
  readonly stackConfig: AwsPlatformSettings["stackConfig"];
  readonly environmentBudgetUsdPerMonth: number;
  readonly tenantExceptions: AwsPlatformSettings["tenantExceptions"];
  /** Further variables (README.md): by what it can send, whose pages may call. */
  readonly variables: Readonly<Record<string, pulumi.Input<string>>>;
  /** Another one after each change of the functions' catalog login, whose role the service prepares as it starts. */
  readonly catalogLoginVersion: pulumi.Input<string>;
  readonly isProtected: boolean;
}

/** How long a start may take: a new catalog's migrations, and plugins that are unpacked. */
const START_SECONDS = 300;
const KEPT_IMAGES = 20;

/**
 * The control plane on Fargate: its image's repository and, once an image is named, one task. Never two: a new one starts
 * when the old one has stopped, because one process owns the operations at a time. What it keeps is outside of it.
 */
export class ControlPlane extends pulumi.ComponentResource {
  readonly repositoryUrl: pulumi.Output<string>;
  /** Of the service and of its cluster; undefined until an image is named. */
  readonly serviceName: string | undefined;

  constructor(name: string, args: ControlPlaneArgs, opts?: pulumi.ComponentResourceOptions) {
    super("millwright:aws:ControlPlane", name, {}, opts);
    const { scope, settings, keyArns, isProtected: protect } = args;
    const child = { parent: this };
    const ownName = awsName("other", scope, name);
    const repository = new aws.ecr.Repository(
      name,
      {
        name: ownName,
        // A tag is what the stack's config names: it must not come to mean another image.
        imageTagMutability: "IMMUTABLE",
        imageScanningConfiguration: { scanOnPush: true },
        encryptionConfigurations: [{ encryptionType: "KMS", kmsKey: keyArns.data }],
        forceDelete: !protect,
      },
      { parent: this, protect },
    );
    const keepNewest = {
      rules: [
        {
          rulePriority: 1,
          selection: { tagStatus: "any", countType: "imageCountMoreThan", countNumber: KEPT_IMAGES },
          action: { type: "expire" },
        },
      ],
    };
    new aws.ecr.LifecyclePolicy(
      name,
      { repository: repository.name, policy: JSON.stringify(keepNewest) },
      child,
    );
    const log = new aws.cloudwatch.LogGroup(
      name,
      { name: awsPath(scope, name), retentionInDays: settings.logRetentionDays, kmsKeyId: keyArns.logs },
      child,
    );
    const cluster = new aws.ecs.Cluster(name, { name: ownName }, child);
    const roleOf = (part: string, statements: readonly Statement[]) =>
      serviceRole(
        `${name}-${part}`,
        {
          ...{ scope, part: `${name}-${part}`, service: "ecs-tasks.amazonaws.com" },
          policy: { name: part, statements },
        },
        child,
      );
    const starting = roleOf("start", startingTasks(repository.arn, log.arn));
    const working = roleOf("task", ownWork(args));
    // Too long for a policy of the role's own.
    const deploying = Object.entries({
      tenants: deployingTenants(args),
      servers: deployingServers(args),
    }).map(([part, statements]) => {
      const { arn } = new aws.iam.Policy(
        `${name}-${part}`,
        { name: awsName("policy", scope, `${name}-${part}`), policy: policyOf(statements, "managed") },
        child,
      );
      return new aws.iam.RolePolicyAttachment(
        `${name}-${part}`,
        { role: working.name, policyArn: arn },
        child,
      );
    });

    if (settings.imageTag !== undefined) {
      const task = new aws.ecs.TaskDefinition(
        name,
        {
          family: ownName,
          requiresCompatibilities: ["FARGATE"],
          networkMode: "awsvpc",
          // A fifth dearer than arm64, whose price in us-east-1 no book has yet: the gate would refuse it.
          runtimePlatform: { cpuArchitecture: "X86_64", operatingSystemFamily: "LINUX" },
          cpu: String(settings.cpuUnits),
          memory: String(settings.memoryMb),
          executionRoleArn: starting.arn,
          taskRoleArn: working.arn,
          containerDefinitions: pulumi.jsonStringify([
            {
              name: "service",
              image: pulumi.interpolate`${repository.repositoryUrl}:${settings.imageTag}`,
              essential: true,
              portMappings: [{ containerPort: SERVICE_PORT, protocol: "tcp" }],
              environment: Object.entries(environmentOf(args)).map(([key, value]) => ({ name: key, value })),
              linuxParameters: { initProcessEnabled: true }, // reaps what ended engine processes leave
              stopTimeout: 120, // the longest that Fargate gives: a step in hand ends
              logConfiguration: {
                logDriver: "awslogs",
                options: {
                  "awslogs-group": log.name,
                  "awslogs-region": args.region,
                  "awslogs-stream-prefix": "service",
                },
              },
            },
          ]),
        },
        child,
      );
      new aws.ecs.Service(
        name,
        {
          name: ownName,
          cluster: cluster.arn,
          taskDefinition: task.arn,
          launchType: "FARGATE",
          desiredCount: 1,
          deploymentMinimumHealthyPercent: 0,
          deploymentMaximumPercent: 100,
          deploymentCircuitBreaker: { enable: true, rollback: true },
          healthCheckGracePeriodSeconds: START_SECONDS,
          networkConfiguration: {
            subnets: args.subnetIds,
            securityGroups: [args.securityGroupId],
            assignPublicIp: false,
          },
          loadBalancers: [
            {
              targetGroupArn: args.targetGroupArn,
              containerName: "service",
              containerPort: SERVICE_PORT,
            },
          ],
          propagateTags: "SERVICE",
          waitForSteadyState: true,
        },
        { parent: this, dependsOn: [starting.policy, working.policy, ...deploying] },
      );
    }
    this.serviceName = settings.imageTag === undefined ? undefined : ownName;
    this.repositoryUrl = repository.repositoryUrl;
    this.registerOutputs({ repositoryUrl: this.repositoryUrl });
  }
}

function environmentOf(args: ControlPlaneArgs): Record<string, pulumi.Input<string>> {
  const { scope, region, keyArns, eventLog, catalog, state, sharedCells, stackConfig } = args;
  const { environmentBudgetUsdPerMonth, tenantExceptions } = args;
  const platform: pulumi.Input<AwsPlatformSettings> = pulumi.output({
    ...{ region, environment: scope.environment, sharedCells, stackConfig, environmentBudgetUsdPerMonth },
    tenantExceptions: [...tenantExceptions],
    secrets: { prefix: storedSecretPrefix(scope), kmsKeyArn: keyArns.secrets },
    state: {
      url: `s3://${state.bucket}?region=${region}`,
      secretsProvider: `awskms:///${state.keyAlias}?region=${region}`,
    },
    catalog: { serviceSecret: catalog.loginSecretArn, adminSecret: catalog.adminSecretArn },
    machines: args.machines,
  });
  return {
    AWS_REGION: region,
    HOST: "0.0.0.0",
    PORT: String(SERVICE_PORT),
    MILLWRIGHT_BEHIND_GATEWAY: "true",
    ...args.variables,
    ...{ KAFKA_BROKERS: eventLog.brokers, KAFKA_TLS: "true", KAFKA_SASL_MECHANISM: "aws-msk-iam" },
    KAFKA_WRITERS: MACHINE_LOGIN,
    MILLWRIGHT_AWS: pulumi.jsonStringify(platform),
    // Nobody reads it: with it, a task of its own comes with each password.
    CATALOG_LOGIN_VERSION: args.catalogLoginVersion,
  };
}
