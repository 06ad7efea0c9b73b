import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { AwsSettings } from "../../model/aws/settings.ts";
import { awsName, awsPath, type AwsScope } from "./names.ts";

export interface EventLogArgs {
  readonly settings: AwsSettings["eventLog"];
  readonly scope: AwsScope;
  /** Two or three, each in a zone of its own. The cluster can never change its network. */
  readonly subnetIds: pulumi.Input<pulumi.Input<string>[]>;
  readonly securityGroupId: pulumi.Input<string>;
  readonly kmsKeyArn: pulumi.Input<string>;
  readonly logKeyArn: pulumi.Input<string>;
  readonly logRetentionDays: number;
  readonly isProtected: boolean;
}

// The version that MSK recommended when read (developer guide, 2026-11), without ZooKeeper.
const KAFKA_VERSION = "3.9.x.kraft";
/** A record is acknowledged by two of three brokers: one may be away. */
export const REPLICATION_FACTOR = 3;
const STORAGE_TARGET_PERCENT = 60;

const SERVER_PROPERTIES: Readonly<Record<string, string>> = {
  "auto.create.topics.enable": "false", // topics are code: a misspelt one is an error
  "default.replication.factor": String(REPLICATION_FACTOR),
  "min.insync.replicas": "2",
  "unclean.leader.election.enable": "false",
  "offsets.topic.replication.factor": String(REPLICATION_FACTOR),
  "transaction.state.log.replication.factor": String(REPLICATION_FACTOR),
  "transaction.state.log.min.isr": "2",
  // Who has no rule gets nothing; with IAM, policies decide.
  "allow.everyone.if.no.acl.found": "false",
  "log.retention.hours": "168",
};

/** Kafka on MSK: TLS only, three brokers or more, storage that grows. */
export class EventLog extends pulumi.ComponentResource {
  readonly clusterArn: pulumi.Output<string>;
  readonly clusterName: pulumi.Output<string>;
  /** `host:port,…` for clients that log in by IAM. */
  readonly brokers: pulumi.Output<string>;
  /** The same for who logs in by a password. */
  readonly passwordBrokers: pulumi.Output<string>;

  constructor(name: string, args: EventLogArgs, opts?: pulumi.ComponentResourceOptions) {
    super("millwright:aws:EventLog", name, {}, opts);
    const { scope, settings, isProtected: protect } = args;
    const clusterName = awsName("kafkaCluster", scope, name);
    const logs = new aws.cloudwatch.LogGroup(
      name,
      {
        name: awsPath(scope, `${name}/broker`),
        retentionInDays: args.logRetentionDays,
        kmsKeyId: args.logKeyArn,
      },
      { parent: this },
    );
    const configuration = new aws.msk.Configuration(
      name,
      {
        name: clusterName,
        kafkaVersions: [KAFKA_VERSION],
        serverProperties: Object.entries(SERVER_PROPERTIES)
          .map(([key, value]) => `${key}=${value}\n`)
          .join(""),
      },
      { parent: this },
    );
    const cluster = new aws.msk.Cluster(
      name,
      {
        clusterName,
        kafkaVersion: KAFKA_VERSION,
        numberOfBrokerNodes: settings.brokerCount,
        brokerNodeGroupInfo: {
          instanceType: settings.instanceType,
          clientSubnets: args.subnetIds,
          securityGroups: [args.securityGroupId],
          storageInfo: { ebsStorageInfo: { volumeSize: settings.storageGb } },
          connectivityInfo: { publicAccess: { type: "DISABLED" } },
        },
        // By password IoT Core alone, which cannot sign in by IAM (ADR 56).
        clientAuthentication: { sasl: { iam: true, scram: true }, unauthenticated: false },
        encryptionInfo: {
          encryptionAtRestKmsKeyArn: args.kmsKeyArn,
          encryptionInTransit: { clientBroker: "TLS", inCluster: true },
        },
        configurationInfo: { arn: configuration.arn, revision: configuration.latestRevision },
        loggingInfo: { brokerLogs: { cloudwatchLogs: { enabled: true, logGroup: logs.name } } },
      },
      {
        parent: this,
        protect,
        // It grows below, and MSK never makes it smaller.
        ignoreChanges: ["brokerNodeGroupInfo.storageInfo.ebsStorageInfo.volumeSize"],
      },
    );
    const growth = new aws.appautoscaling.Target(
      name,
      {
        serviceNamespace: "kafka",
        resourceId: cluster.arn,
        scalableDimension: "kafka:broker-storage:VolumeSize",
        minCapacity: 1,
        maxCapacity: settings.maxStorageGb,
      },
      { parent: this },
    );
    new aws.appautoscaling.Policy(
      name,
      {
        name: awsName("policy", scope, `${name}-storage`),
        policyType: "TargetTrackingScaling",
        serviceNamespace: growth.serviceNamespace,
        resourceId: growth.resourceId,
        scalableDimension: growth.scalableDimension,
        targetTrackingScalingPolicyConfiguration: {
          predefinedMetricSpecification: { predefinedMetricType: "KafkaBrokerStorageUtilization" },
          targetValue: STORAGE_TARGET_PERCENT,
          disableScaleIn: true,
        },
      },
      { parent: this },
    );
    this.clusterArn = cluster.arn;
    this.clusterName = cluster.clusterName;
    this.brokers = cluster.bootstrapBrokersSaslIam;
    this.passwordBrokers = cluster.bootstrapBrokersSaslScram;
    this.registerOutputs({ clusterArn: this.clusterArn, brokers: this.brokers });
  }
}
