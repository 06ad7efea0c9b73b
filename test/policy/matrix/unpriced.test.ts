import { expect } from "chai";
import { UNKNOWN_VALUE } from "../../../providers/properties.ts";
import {
  brokers,
  database,
  server,
  service,
  stripedDatabase,
  task,
  template,
  templated,
} from "../../support/planned-resources.ts";
import { factsOf, gate, planned, type Planned } from "../../support/planned-stack.ts";

const STAGE = "aws:apigateway/stage:Stage";
const LAMBDA = "aws:lambda/function:Function";
const SOURCE = "aws:lambda/eventSourceMapping:EventSourceMapping";
const ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm";
const NAT = "aws:ec2/natGateway:NatGateway";

describe("the gate, over variations of what has no price:", () => {
  for (const [what, message, ...stack] of [
    [
      "a server's disk of a type without a price",
      /'ebs\/io2-storage', which Instance one needs/,
      server({
        ebsBlockDevices: [{ deviceName: "b", volumeType: "io2", volumeSize: 8_000, iops: 64_000 }],
      }),
    ],
    [
      "a root disk of a type without a price",
      /'ebs\/io1-storage'/,
      server({ rootBlockDevice: { volumeType: "io1" } }),
    ],
    ["a server whose disks nobody knows", /'ebs\/io2-storage'/, server({ ebsBlockDevices: UNKNOWN_VALUE })],
    [
      "a template whose disks nobody knows",
      /'ebs\/io2-storage', which Instance/,
      template({ blockDeviceMappings: UNKNOWN_VALUE }),
      templated(),
    ],
    [
      "a template with a disk that nobody knows",
      /'ebs\/io2-storage', which Instance/,
      template({ blockDeviceMappings: [{ ebs: UNKNOWN_VALUE }] }),
      templated(),
    ],
    [
      "a server whose template is elsewhere",
      /launch template of Instance one: it is not in the stack/,
      templated({ name: "elsewhere" }),
    ],
    [
      "an older version of a template",
      /launchTemplate\.version "1", which Instance one/,
      template({}),
      templated({ id: UNKNOWN_VALUE, version: "1" }),
    ],
    [
      "a server that names a template of none here",
      /launch template of Instance one/,
      template({ name: "here" }),
      templated({ name: "elsewhere" }),
    ],
    ["hardware of one's own", /tenancy "dedicated", which Instance one/, server({ tenancy: "dedicated" })],
    [
      "hardware that nobody knows",
      /tenancy that is not known yet, which Instance one/,
      server({ tenancy: UNKNOWN_VALUE }),
    ],
    [
      "hardware of one's own by its template",
      /placement\.tenancy "host"/,
      template({ placement: { tenancy: "host" } }),
    ],
    [
      "hardware of one's own by its network",
      /instanceTenancy "dedicated"/,
      planned("aws:ec2/vpc:Vpc", { instanceTenancy: "dedicated" }),
    ],
    [
      "a resource of another region",
      /region "sa-east-1", which Instance one/,
      server({ region: "sa-east-1" }),
    ],
    [
      "a database on io2",
      /'rds\/io2-storage\/multi-az', which Instance one/,
      stripedDatabase({ storageType: "io2", iops: 256_000 }),
    ],
    [
      "IOPS without a type of storage",
      /'rds\/io1-storage\/multi-az'/,
      stripedDatabase({ storageType: undefined, iops: 20_000 }),
    ],
    [
      "a database with more throughput",
      /'rds\/gp3-throughput\/multi-az'/,
      stripedDatabase({ storageThroughput: 1_000 }),
    ],
    [
      "a database of another engine",
      /engine "sqlserver-ee", which Instance one/,
      database({ engine: "sqlserver-ee" }),
    ],
    ["an engine that nobody knows", /engine that is not known yet/, database({ engine: UNKNOWN_VALUE })],
    [
      "a version that is supported for a surcharge",
      /engineVersion "13\.4"/,
      database({ engineVersion: "13.4" }),
    ],
    ["advanced insights", /databaseInsightsMode "advanced"/, database({ databaseInsightsMode: "advanced" })],
    [
      "insights for long",
      /performanceInsightsRetentionPeriod 731/,
      database({ performanceInsightsRetentionPeriod: 731 }),
    ],
    ["a database with a log volume", /dedicatedLogVolume true/, database({ dedicatedLogVolume: true })],
    ["a database from a snapshot", /snapshotIdentifier "old"/, database({ snapshotIdentifier: "old" })],
    [
      "brokers with throughput",
      /provisionedThroughput\.enabled true, which Cluster one/,
      brokers({}, {}, { provisionedThroughput: { enabled: true, volumeThroughput: 1_000 } }),
    ],
    ["brokers with tiers", /storageMode "TIERED"/, brokers({ storageMode: "TIERED" })],
    [
      "brokers that are measured closely",
      /enhancedMonitoring "PER_TOPIC_PER_PARTITION"/,
      brokers({ enhancedMonitoring: "PER_TOPIC_PER_PARTITION" }),
    ],
    [
      "brokers for other networks",
      /vpcConnectivity/,
      brokers(
        {},
        { connectivityInfo: { vpcConnectivity: { clientAuthentication: { sasl: { iam: true } } } } },
      ),
    ],
    [
      "a stage with a cache",
      /cacheClusterSize "237", which Stage one/,
      planned(STAGE, { cacheClusterSize: "237" }),
    ],
    [
      "a stage whose cache nobody knows",
      /cacheClusterEnabled that is not known yet/,
      planned(STAGE, { cacheClusterEnabled: UNKNOWN_VALUE }),
    ],
    [
      "pollers of its own",
      /provisionedPollerConfig .*EventSourceMapping one/,
      planned(SOURCE, { provisionedPollerConfig: { minimumPollers: 200 } }),
    ],
    [
      "pollers that nobody knows",
      /provisionedPollerConfig that is not known/,
      planned(SOURCE, { provisionedPollerConfig: UNKNOWN_VALUE }),
    ],
    [
      "a function's disk",
      /ephemeralStorage\.size 10240/,
      planned(LAMBDA, { ephemeralStorage: { size: 10_240 } }),
    ],
    [
      "a function's snapshots",
      /snapStart\.applyOn "PublishedVersions"/,
      planned(LAMBDA, { snapStart: { applyOn: "PublishedVersions" } }),
    ],
    [
      "functions that stand ready",
      /lambda\/provisionedConcurrencyConfig/,
      planned("aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig", {
        provisionedConcurrentExecutions: 1_000,
      }),
    ],
    [
      "functions that are made to stand ready",
      /serviceNamespace "lambda"/,
      planned("aws:appautoscaling/target:Target", { serviceNamespace: "lambda", minCapacity: 1_000 }),
    ],
    ["an alarm on an anomaly", /thresholdMetricId "band"/, planned(ALARM, { thresholdMetricId: "band" })],
    [
      "an alarm on a query",
      /metricQueries\.expression "SELECT/,
      planned(ALARM, { metricQueries: [{ expression: 'SELECT MAX(x) FROM "y"' }] }),
    ],
    [
      "a gateway in every zone",
      /availabilityMode "regional", which NatGateway one/,
      planned(NAT, { availabilityMode: "regional" }),
    ],
    [
      "capacity that a load balancer keeps",
      /minimumLoadBalancerCapacity/,
      planned("aws:lb/loadBalancer:LoadBalancer", {
        internal: true,
        minimumLoadBalancerCapacity: { capacityUnits: 1_500 },
      }),
    ],
    [
      "a copy of a bucket",
      /replicationConfiguration/,
      planned("aws:s3/bucket:Bucket", { replicationConfiguration: { role: "r" } }),
    ],
    [
      "a fast bucket",
      /accelerationStatus "Enabled"/,
      planned("aws:s3/bucket:Bucket", { accelerationStatus: "Enabled" }),
    ],
    [
      "a key in hardware of one's own",
      /customKeyStoreId "cks-1"/,
      planned("aws:kms/key:Key", { customKeyStoreId: "cks-1" }),
    ],
    [
      "a topic that keeps what passed",
      /archivePolicy/,
      planned("aws:sns/topic:Topic", { fifoTopic: true, archivePolicy: "{}" }),
    ],
    [
      "a task that is elsewhere",
      /task definition of Service one/,
      service({ taskDefinition: "elsewhere:1" }),
    ],
    [
      "a task of Windows",
      /operatingSystemFamily "WINDOWS_SERVER_2022_CORE"/,
      task({ runtimePlatform: { operatingSystemFamily: "WINDOWS_SERVER_2022_CORE" } }),
    ],
    [
      "a task with a disk that has no price",
      /'fargate\/ephemeral-storage', which Service one/,
      task({ ephemeralStorage: { sizeInGib: 200 } }),
      service(),
    ],
    [
      "a cluster that is watched closely",
      /settings\.value "enhanced"/,
      planned("aws:ecs/cluster:Cluster", { settings: [{ name: "containerInsights", value: "enhanced" }] }),
    ],
  ] as const satisfies readonly (readonly [what: string, message: RegExp, ...stack: Planned[]])[])
    for (const preset of ["development", "production"] as const)
      it(`${preset} refuses ${what}, for it has no price`, async () => {
        const { refused } = await gate([factsOf({ preset, environment: preset }), ...stack]);
        const found = refused.find(({ policy }) => policy === "environment-budget");
        expect(found?.message).to.match(message);
      });

  it("asks nothing of what costs nothing more", async () => {
    const free = [
      server({ tenancy: "default", monitoring: "false", creditSpecification: { cpuCredits: "standard" } }),
      database({
        monitoringInterval: 0,
        dedicatedLogVolume: "false",
        replicateSourceDb: "",
        iops: undefined,
      }),
      brokers({ storageMode: "LOCAL" }, {}, { provisionedThroughput: { enabled: false } }),
      planned(STAGE, { cacheClusterEnabled: false, xrayTracingEnabled: true }),
      planned(SOURCE, { batchSize: 10 }),
      planned(LAMBDA, { ephemeralStorage: { size: 512 }, snapStart: { applyOn: "None" } }),
      planned(ALARM, { period: 60, metricQueries: [{ expression: "a / b" }, { metric: { period: 60 } }] }),
      planned(NAT, { region: "us-east-1", connectivityType: "public" }),
      planned("aws:kms/key:Key", { multiRegion: true }),
      planned("aws:ecs/cluster:Cluster", { settings: [{ name: "containerInsights", value: "disabled" }] }),
    ];
    for (const one of free) expect((await gate([factsOf(), one])).refused, one.type).to.deep.equal([]);
  });
});
