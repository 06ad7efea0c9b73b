import * as z from "zod";

/** Services of AWS that are reached inside the VPC, each at a price per zone and hour; S3 is always, and for nothing. */
export const ENDPOINT_SERVICES = [
  ...["ec2messages", "kms", "lambda", "logs", "monitoring", "secretsmanager"],
  ...["sns", "sqs", "ssm", "ssmmessages", "sts"],
] as const;

const count = z.int().min(1);
const days = z.int().min(1);
const gb = z.int().min(1);

const timescale = z.strictObject({
  instanceType: z.string().regex(/^[a-z0-9]+\.[a-z0-9]+$/),
  vcpuCount: count,
  memoryGb: gb,
  dataVolumeGb: gb,
  walVolumeGb: gb,
  hasReplica: z.boolean(),
  backupRetentionDays: days,
});

/** Of a tenant whose calls come through a network of its own. */
export const isolatedApi = z.strictObject({
  /** Need not differ from ours, which it is not connected to. */
  cidrBlock: z.string().default("10.128.0.0/22"),
  /** Networks of the customer that are, or will be, connected to it. */
  clientCidrBlocks: z.array(z.string()).max(20).default([]),
});
export type IsolatedApi = z.infer<typeof isolatedApi>;

/** What is tunable on AWS, by part. Everything but these values is the same in every environment. */
export const awsSettings = z.strictObject({
  network: z.strictObject({
    cidrBlock: z.string(),
    /** Networks that this one is or may be connected to (VPN, peering): no address in common. */
    connectedCidrBlocks: z.array(z.string()).max(50),
    zoneCount: z.int().min(2).max(3),
    /** By name: a zone that AWS adds to the region never takes the place of one of them. Left out, the first ones. */
    zones: z.array(z.string()).optional(),
    /** 1: without its zone nothing in private subnets reaches the internet. `zoneCount`: one each. */
    natCount: z.int().min(1).max(3),
    interfaceEndpoints: z.array(z.enum(ENDPOINT_SERVICES as readonly [string, ...string[]])),
  }),
  catalog: z.strictObject({
    instanceClass: z.string().regex(/^db\.[a-z0-9]+\.[a-z0-9]+$/),
    storageGb: gb,
    /** Where autoscaling of the storage ends. */
    maxStorageGb: gb,
    isMultiAz: z.boolean(),
    backupRetentionDays: days.max(35),
  }),
  eventLog: z.strictObject({
    instanceType: z.string().regex(/^kafka\.[a-z0-9]+\.[a-z0-9]+$/),
    brokerCount: count.max(90),
    /** Per broker. */
    storageGb: gb,
    maxStorageGb: gb,
  }),
  /** Servers of shared cells. */
  timescale,
  /** Servers of cells that one tenant has to itself. */
  dedicatedTimescale: timescale,
  functions: z.strictObject({
    /** What the account allows at once, over all functions (quota L-B99A9384). */
    accountConcurrency: count,
    alertReservedConcurrency: count,
    logRetentionDays: days,
    /** New code takes a tenth of the events more each minute, by `npm run shift`; otherwise all at once, by the `up`. */
    shiftsGradually: z.boolean(),
  }),
  /** The control plane. */
  service: z.strictObject({
    /** Of its load balancer, from the region's ACM; left out, it speaks HTTP inside the network. */
    certificateArn: z
      .string()
      .regex(/^arn:aws[a-z-]*:acm:/)
      .optional(),
    /** The name on that certificate. */
    domain: z.hostname().optional(),
    /** Of its image in the environment's repository; left out, there is no task yet. */
    imageTag: z
      .string()
      .regex(/^[\w][\w.-]{0,127}$/)
      .optional(),
    /** Where Pulumi keeps the stacks; left out, `ACCOUNT-millwright-state`. */
    stateBucket: z
      .string()
      .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/)
      .optional(),
    /** Of the key of the secrets in it. */
    stateKeyAlias: z.string().regex(/^alias\/[\w/-]{1,250}$/),
    cpuUnits: z.union([z.literal(1024), z.literal(2048), z.literal(4096)]),
    memoryMb: z.int().min(2_048).max(30_720),
    logRetentionDays: days,
  }),
  /** The API as it is called from outside. */
  api: z.strictObject({
    /** Of all callers together, beside those that bring readings and alerts. */
    requestsPerSecond: count,
    burst: count,
    /** Of those, each way of theirs. */
    intakeRequestsPerSecond: count,
    intakeBurst: count,
    /** Whose pages may call it, `https://…`; none: a browser calls it from nowhere else. */
    corsOrigins: z.array(z.string().regex(/^https:\/\/[a-z0-9.-]+(:\d+)?$/)).max(20),
    domain: z.hostname().optional(),
    /** Of Route 53: records and the certificate of `domain` are made. */
    zoneId: z
      .string()
      .regex(/^Z[A-Z0-9]{1,31}$/)
      .optional(),
    /** Of `domain`, in this region's ACM; left out, one is made. */
    certificateArn: z
      .string()
      .regex(/^arn:aws[a-z-]*:acm:/)
      .optional(),
  }),
  archive: z.strictObject({
    infrequentAccessAfterDays: days,
    glacierAfterDays: days,
    deepArchiveAfterDays: days,
  }),
});
export type AwsSettings = z.infer<typeof awsSettings>;

const SHARED_BY_ALL = {
  cidrBlock: "10.64.0.0/16",
  connectedCidrBlocks: [],
  zoneCount: 3,
} as const;
const STATE = { stateKeyAlias: "alias/millwright-state" } as const; // docs/deploy-aws.md makes it
const LIFECYCLE = { infrequentAccessAfterDays: 30, glacierAfterDays: 90, deepArchiveAfterDays: 365 } as const;

/** The environments differ in these values, and in nothing else. */
export const AWS_PRESETS = {
  development: {
    // One gateway, no endpoints but S3's: the way out by NAT costs less than their hours while little goes through it.
    network: { ...SHARED_BY_ALL, natCount: 1, interfaceEndpoints: [] },
    catalog: {
      ...{ instanceClass: "db.t4g.small", storageGb: 20, maxStorageGb: 100 },
      ...{ isMultiAz: false, backupRetentionDays: 7 },
    },
    eventLog: { instanceType: "kafka.t3.small", brokerCount: 3, storageGb: 50, maxStorageGb: 200 },
    timescale: {
      ...{ instanceType: "m7g.large", vcpuCount: 2, memoryGb: 8 },
      ...{ dataVolumeGb: 100, walVolumeGb: 20, hasReplica: false, backupRetentionDays: 7 },
    },
    dedicatedTimescale: {
      ...{ instanceType: "m7g.large", vcpuCount: 2, memoryGb: 8 },
      ...{ dataVolumeGb: 100, walVolumeGb: 20, hasReplica: false, backupRetentionDays: 7 },
    },
    functions: {
      accountConcurrency: 1000,
      alertReservedConcurrency: 10,
      logRetentionDays: 14,
      shiftsGradually: false,
    },
    service: { ...STATE, cpuUnits: 1024, memoryMb: 4_096, logRetentionDays: 14 },
    api: {
      requestsPerSecond: 100,
      burst: 200,
      intakeRequestsPerSecond: 500,
      intakeBurst: 500,
      corsOrigins: [],
    },
    archive: LIFECYCLE,
  },
  production: {
    network: {
      ...{ ...SHARED_BY_ALL, natCount: 3 },
      interfaceEndpoints: [
        "kms",
        "lambda",
        "logs",
        "monitoring",
        "secretsmanager",
        "sns",
        "ssm",
        "ssmmessages",
        "sts",
      ],
    },
    catalog: {
      ...{ instanceClass: "db.r6g.xlarge", storageGb: 100, maxStorageGb: 1000 },
      ...{ isMultiAz: true, backupRetentionDays: 35 },
    },
    eventLog: { instanceType: "kafka.m7g.large", brokerCount: 3, storageGb: 500, maxStorageGb: 4000 },
    timescale: {
      ...{ instanceType: "r6g.2xlarge", vcpuCount: 8, memoryGb: 64 },
      ...{ dataVolumeGb: 2000, walVolumeGb: 200, hasReplica: true, backupRetentionDays: 30 },
    },
    dedicatedTimescale: {
      ...{ instanceType: "r6g.xlarge", vcpuCount: 4, memoryGb: 32 },
      ...{ dataVolumeGb: 1000, walVolumeGb: 100, hasReplica: true, backupRetentionDays: 30 },
    },
    functions: {
      accountConcurrency: 1000,
      alertReservedConcurrency: 100,
      logRetentionDays: 90,
      shiftsGradually: true,
    },
    service: { ...STATE, cpuUnits: 2048, memoryMb: 8_192, logRetentionDays: 90 },
    api: {
      ...{ requestsPerSecond: 1_000, burst: 1_000, corsOrigins: [] },
      // Of the 10,000 with a burst of 5,000 that an account has for all its APIs.
      ...{ intakeRequestsPerSecond: 5_000, intakeBurst: 2_500 },
    },
    archive: LIFECYCLE,
  },
} as const satisfies Readonly<Record<string, unknown>>;
export type AwsPreset = keyof typeof AWS_PRESETS;
