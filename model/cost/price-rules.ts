/** Where in AWS's price lists a price of the book stands. */
export interface PriceRule {
  /** Of the price book. */
  readonly key: string;
  /** Of the price book; `units.ts` says what AWS calls it. */
  readonly unit: string;
  /** Without the prefix of a region. */
  readonly usageType: string;
  /** Columns that must hold just this, named as `OfferRow` names them. */
  readonly where: Readonly<Record<string, string>>;
}

export interface OfferRules {
  /** AWS's name of a price list. */
  readonly offer: string;
  /** One file for the whole world, instead of one a region. */
  readonly isGlobal: boolean;
  readonly rules: readonly PriceRule[];
}

// Sizes are listed, not taken as they come: what has no known size yet is priced as the dearest one in the book.
const EC2_TYPES = [
  ...["r6g.medium", "r6g.large", "r6g.xlarge", "r6g.2xlarge", "r7g.large", "r7g.xlarge", "r7g.2xlarge"],
  ...["r7g.4xlarge", "m7g.large", "m7g.xlarge", "m7g.2xlarge", "t3.medium"],
];
const RDS_TYPES = ["t4g.micro", "t4g.small", "t4g.medium", "r6g.large", "r6g.xlarge", "r6g.2xlarge"];
const MSK_TYPES = ["kafka.t3.small", "kafka.m5.large", "kafka.m7g.large", "express.m7g.large"];

/** Row of the tables below: key, unit, usage type, further columns. */
type Row = readonly [string, string, string, Readonly<Record<string, string>>?];

const NAT = { operation: "NatGateway" };
const GATEWAY = { operation: "TransitGatewayVPC" };
const ALB = { operation: "LoadBalancing:Application" };
const NLB = { operation: "LoadBalancing:Network" };
const POSTGRESQL = { operation: "CreateDBInstance:0014" };
const ANY_ENGINE = { databaseengine: "Any" };

// Usage types and columns as public readers of the price lists use them, read on 2026-11-22. What AWS renames shows as
// a price that is left out, never as another price: a rule takes exactly one SKU.
const REGIONAL: Readonly<Record<string, readonly Row[]>> = {
  AmazonEC2: [
    ...EC2_TYPES.map<Row>((type) => [
      `ec2/instance/${type}`,
      "hour",
      `BoxUsage:${type}`,
      { operation: "RunInstances", tenancy: "Shared", operatingsystem: "Linux" },
    ]),
    ["ebs/gp3-storage", "GB-month", "EBS:VolumeUsage.gp3"],
    ["ebs/gp3-iops", "IOPS-month", "EBS:VolumeP-IOPS.gp3"],
    ["ebs/gp3-throughput", "MBps-month", "EBS:VolumeP-Throughput.gp3"],
    ["ebs/snapshot", "GB-month", "EBS:SnapshotUsage"],
    ["nat/hours", "hour", "NatGateway-Hours", NAT],
    ["nat/data", "GB", "NatGateway-Bytes", NAT],
  ],
  AmazonVPC: [
    ["ipv4/hours", "hour", "PublicIPv4:InUseAddress"],
    ["vpc-endpoint/hours", "AZ-hour", "VpcEndpoint-Hours"],
    ["vpc-endpoint/data", "GB", "VpcEndpoint-Bytes"],
    ["transit-gateway/attachment-hours", "hour", "TransitGateway-Hours", GATEWAY],
    ["transit-gateway/data", "GB", "TransitGateway-Bytes", GATEWAY],
  ],
  AWSELB: [
    ["alb/hours", "hour", "LoadBalancerUsage", ALB],
    ["alb/capacity-units", "LCU-hour", "LCUUsage", ALB],
    ["nlb/hours", "hour", "LoadBalancerUsage", NLB],
    ["nlb/capacity-units", "LCU-hour", "LCUUsage", NLB],
  ],
  AmazonECS: [
    ["fargate/vcpu/x86-64", "vCPU-hour", "Fargate-vCPU-Hours:perCPU"],
    ["fargate/memory/x86-64", "GB-hour", "Fargate-GB-Hours"],
    ["fargate/vcpu/arm64", "vCPU-hour", "Fargate-ARM-vCPU-Hours:perCPU"],
    ["fargate/memory/arm64", "GB-hour", "Fargate-ARM-GB-Hours"],
    ["fargate/ephemeral-storage", "GB-hour", "Fargate-EphemeralStorage-GB-Hours"],
  ],
  AmazonECR: [["ecr/storage", "GB-month", "TimedStorage-ByteHrs"]],
  AmazonEFS: [["efs/standard-storage", "GB-month", "TimedStorage-ByteHrs"]],
  AWSLambda: [
    ["lambda/requests", "request", "Request"],
    ["lambda/duration/x86-64", "GB-second", "Lambda-GB-Second"],
    ["lambda/duration/arm64", "GB-second", "Lambda-GB-Second-ARM"],
    ["lambda/ephemeral-storage", "GB-second", "Lambda-Storage-GB-Second"],
    ["lambda/provisioned/x86-64", "GB-second", "Lambda-Provisioned-Concurrency"],
    ["lambda/provisioned/arm64", "GB-second", "Lambda-Provisioned-Concurrency-ARM"],
  ],
  AmazonS3: [
    ["s3/standard-storage", "GB-month", "TimedStorage-ByteHrs"],
    ["s3/standard-ia-storage", "GB-month", "TimedStorage-SIA-ByteHrs"],
    ["s3/standard-ia-retrieval", "GB", "Retrieval-SIA"],
    ["s3/glacier-storage", "GB-month", "TimedStorage-GlacierByteHrs"],
    ["s3/deep-archive-storage", "GB-month", "TimedStorage-GDA-ByteHrs"],
    ["s3/intelligent-tiering/frequent-storage", "GB-month", "TimedStorage-INT-FA-ByteHrs"],
    ["s3/intelligent-tiering/infrequent-storage", "GB-month", "TimedStorage-INT-IA-ByteHrs"],
    ["s3/intelligent-tiering/archive-storage", "GB-month", "TimedStorage-INT-AA-ByteHrs"],
    ["s3/intelligent-tiering/deep-archive-storage", "GB-month", "TimedStorage-INT-DAA-ByteHrs"],
    ["s3/intelligent-tiering/monitored-objects", "object-month", "Monitoring-Automation-INT"],
    ["s3/put-requests", "request", "Requests-Tier1"],
    ["s3/get-requests", "request", "Requests-Tier2"],
    ["s3/transition/standard-ia", "request", "Requests-SIA-Tier4"],
    ["s3/transition/intelligent-tiering", "request", "Requests-INT-Tier4"],
    ["s3/transition/glacier", "request", "Requests-Tier3", { operation: "S3-GlacierTransition" }],
    ["s3/transition/deep-archive", "request", "Requests-Tier3", { operation: "S3-GDATransition" }],
  ],
  AmazonRDS: [
    ...RDS_TYPES.flatMap<Row>((type) => [
      [`rds/postgresql/db.${type}/single-az`, "hour", `InstanceUsage:db.${type}`, POSTGRESQL],
      [`rds/postgresql/db.${type}/multi-az`, "hour", `Multi-AZUsage:db.${type}`, POSTGRESQL],
    ]),
    ["rds/gp2-storage/single-az", "GB-month", "RDS:GP2-Storage", ANY_ENGINE],
    ["rds/gp2-storage/multi-az", "GB-month", "RDS:Multi-AZ-GP2-Storage", ANY_ENGINE],
    ["rds/gp3-storage/single-az", "GB-month", "RDS:GP3-Storage", ANY_ENGINE],
    ["rds/gp3-storage/multi-az", "GB-month", "RDS:Multi-AZ-GP3-Storage", ANY_ENGINE],
    ["rds/gp3-iops/single-az", "IOPS-month", "RDS:GP3-PIOPS", ANY_ENGINE],
    ["rds/gp3-iops/multi-az", "IOPS-month", "RDS:Multi-AZ-GP3-PIOPS", ANY_ENGINE],
    ["rds/backup", "GB-month", "RDS:ChargedBackupUsage", ANY_ENGINE],
    ["rds/proxy", "vCPU-hour", "RDS:ProxyUsage"],
    ["rds/performance-insights/requests", "request", "PI_API"],
  ],
  AmazonMSK: [
    ...MSK_TYPES.map<Row>((type) => [`msk/broker/${type}`, "hour", type]),
    ["msk/storage", "GB-month", "Kafka.Storage.GP2"],
  ],
  AmazonKinesis: [
    ["kinesis/shard-hours", "hour", "Storage-ShardHour"],
    ["kinesis/put-units", "put-unit", "PutRequestPayloadUnits"],
    ["kinesis/on-demand/stream-hours", "hour", "OnDemand-StreamHour"],
    ["kinesis/on-demand/data-in", "GB", "OnDemand-BilledIncomingBytes"],
    ["kinesis/on-demand/data-out", "GB", "OnDemand-BilledOutgoingBytes"],
  ],
  AmazonApiGateway: [
    ["api-gateway/rest-requests", "request", "ApiGatewayRequest"],
    ["api-gateway/http-requests", "request", "ApiGatewayHttpRequest"],
    ["api-gateway/websocket-messages", "message", "ApiGatewayMessage"],
    ["api-gateway/websocket-minutes", "minute", "ApiGatewayMinute"],
  ],
  AWSDataTransfer: [
    ["data-transfer/internet", "GB", "DataTransfer-Out-Bytes", { transfertype: "AWS Outbound" }],
    ["data-transfer/cross-az", "GB", "DataTransfer-Regional-Bytes", { transfertype: "IntraRegion" }],
    ["data-transfer/inter-region", "GB", "USW2-AWS-Out-Bytes", { transfertype: "InterRegion Outbound" }],
  ],
  AmazonSNS: [
    ["sns/publishes", "request", "Requests-Tier1"],
    ["sns/http-deliveries", "delivery", "DeliveryAttempts-HTTP"],
    ["sns/email-deliveries", "delivery", "DeliveryAttempts-SMTP"],
  ],
  AmazonSES: [["ses/recipients", "recipient", "Recipients"]],
  AWSQueueService: [
    ["sqs/standard-requests", "request", "Requests-Tier1"],
    ["sqs/standard-requests", "request", "Requests-RBP"],
    ["sqs/fifo-requests", "request", "Requests-FIFO-Tier1"],
    ["sqs/fifo-requests", "request", "Requests-FIFO-RBP"],
  ],
  awswaf: [
    ["waf/acls", "acl-month", "WebACLV2"],
    ["waf/rules", "rule-month", "RuleV2"],
    ["waf/requests", "request", "RequestV2-Tier1"],
  ],
  awskms: [
    ["kms/keys", "key-month", "KMS-Keys"],
    ["kms/requests", "request", "KMS-Requests"],
  ],
  AWSSecretsManager: [
    ["secrets-manager/secrets", "secret-month", "AWSSecretsManager-Secrets"],
    ["secrets-manager/requests", "request", "AWSSecretsManagerAPIRequest"],
  ],
  AWSSystemsManager: [
    ["ssm/advanced-parameters", "parameter-month", "PS-Advanced-Param-Tier1"],
    ["ssm/advanced-requests", "request", "PS-Param-Processed-Tier2"],
  ],
  AmazonCloudWatch: [
    ["cloudwatch/metrics", "metric-month", "CW:MetricMonitorUsage"],
    ["cloudwatch/alarms", "alarm-month", "CW:AlarmMonitorUsage"],
    ["cloudwatch/alarms-high-resolution", "alarm-month", "CW:HighResAlarmMonitorUsage"],
    ["cloudwatch/alarms-composite", "alarm-month", "CW:CompositeAlarmMonitorUsage"],
    ["cloudwatch/dashboards", "dashboard-month", "DashboardsUsageHour"],
    ["cloudwatch/log-ingest", "GB", "DataProcessing-Bytes"],
    ["cloudwatch/log-storage", "GB-month", "TimedStorage-ByteHrs"],
    ["cloudwatch/log-queries", "GB", "DataScanned-Bytes"],
  ],
  AmazonGrafana: [
    ["grafana/editors", "user-month", "Grafana:EditorUser"],
    ["grafana/viewers", "user-month", "Grafana:ViewerUser"],
  ],
};

const GLOBAL: Readonly<Record<string, readonly Row[]>> = {
  AmazonRoute53: [
    ["route53/zones", "zone-month", "HostedZone"],
    ["route53/queries", "query", "DNS-Queries"],
  ],
  AWSBudgets: [["budgets/action-days", "day", "ActionEnabledBudgetsUsage"]],
  AWSCostExplorer: [["cost-explorer/requests", "request", "APIRequest"]],
};

export const PRICE_RULES: readonly OfferRules[] = [
  ...offersOf(REGIONAL, { isGlobal: false }),
  ...offersOf(GLOBAL, { isGlobal: true }),
];

function offersOf(
  offers: Readonly<Record<string, readonly Row[]>>,
  { isGlobal }: { readonly isGlobal: boolean },
): OfferRules[] {
  return Object.entries(offers).map(([offer, rows]) => ({
    offer,
    isGlobal,
    rules: rows.map(([key, unit, usageType, where = {}]) => ({ key, unit, usageType, where })),
  }));
}
