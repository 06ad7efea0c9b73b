import { MillwrightError } from "../../errors.ts";
import { UNKNOWN, valuesAt, type PlannedResource } from "../planned-resource.ts";
import type { PriceBook } from "../price-book.ts";
import { labelOf } from "./charging.ts";

/** The values of an input that cost nothing more, beside none at all; [] where any value does. */
type Free = readonly unknown[] | ((value: unknown) => boolean);

const OFF = [false];
/** Before it, RDS charges extended support by the vCPU (end of PostgreSQL 13's standard support: 2026-02-28). */
const OLDEST_POSTGRES = 14;

/**
 * Inputs that change what a resource costs, and that nothing here prices: any value but the free ones is refused, also one that
 * is not known yet. What a charger does price (sizes, numbers, types of disks) is not here. A path leads through lists.
 */
const UNPRICED: Readonly<Record<string, Readonly<Record<string, Free>>>> = {
  "aws:acm/certificate:Certificate": { certificateAuthorityArn: [], "options.export": ["DISABLED"] },
  "aws:apigateway/methodSettings:MethodSettings": {
    "settings.cachingEnabled": OFF,
    "settings.metricsEnabled": OFF,
  },
  "aws:apigateway/stage:Stage": { cacheClusterEnabled: OFF, cacheClusterSize: [] },
  // Of other services it raises what others here are priced for: tasks, provisioned concurrency.
  "aws:appautoscaling/target:Target": { serviceNamespace: ["kafka"] },
  "aws:cloudwatch/metricAlarm:MetricAlarm": {
    evaluationCriteria: [],
    thresholdMetricId: [], // three metrics each
    "metricQueries.expression": (value) =>
      typeof value === "string" && !/\b(ANOMALY_DETECTION_BAND|SEARCH|SELECT)\b/i.test(value),
  },
  "aws:ec2/instance:Instance": {
    tenancy: ["default"],
    hostId: [],
    hostResourceGroupArn: [],
    "creditSpecification.cpuCredits": ["standard"],
    "launchTemplate.version": ["$Latest", "$Default"], // a plan holds no older one
  },
  "aws:ec2/launchTemplate:LaunchTemplate": {
    "placement.tenancy": ["default"],
    "placement.hostId": [],
    "placement.hostResourceGroupArn": [],
    "creditSpecification.cpuCredits": ["standard"],
    licenseSpecifications: [],
  },
  "aws:ec2/natGateway:NatGateway": { availabilityMode: ["zonal"], availabilityZoneAddresses: [] },
  "aws:ec2/vpc:Vpc": { instanceTenancy: ["default"] },
  "aws:ec2/vpcEndpoint:VpcEndpoint": {
    // One whose type is not known is charged as the dearest of these.
    vpcEndpointType: ["Gateway", "Interface", "GatewayLoadBalancer", UNKNOWN],
  },
  "aws:ecs/cluster:Cluster": { "settings.value": ["disabled"] },
  "aws:ecs/service:Service": {
    launchType: ["FARGATE"],
    "capacityProviderStrategies.capacityProvider": ["FARGATE", "FARGATE_SPOT"],
    volumeConfiguration: [],
    vpcLatticeConfigurations: [],
  },
  "aws:ecs/taskDefinition:TaskDefinition": { "runtimePlatform.operatingSystemFamily": ["LINUX"] },
  "aws:kms/key:Key": { customKeyStoreId: [], xksKeyId: [] },
  "aws:lambda/eventSourceMapping:EventSourceMapping": { provisionedPollerConfig: [] },
  "aws:lambda/function:Function": {
    "ephemeralStorage.size": [512],
    "snapStart.applyOn": ["None"],
    capacityProviderConfig: [],
    durableConfig: [],
    tenancyConfig: [],
  },
  "aws:lb/listener:Listener": { "mutualAuthentication.mode": ["off", "passthrough"] },
  "aws:lb/loadBalancer:LoadBalancer": { minimumLoadBalancerCapacity: [] },
  "aws:msk/cluster:Cluster": {
    // Express brokers are charged by what is written, too.
    "brokerNodeGroupInfo.instanceType": (value) => !String(value).startsWith("express."),
    storageMode: ["LOCAL"],
    enhancedMonitoring: ["DEFAULT"],
    "brokerNodeGroupInfo.storageInfo.ebsStorageInfo.provisionedThroughput.enabled": OFF,
    "brokerNodeGroupInfo.connectivityInfo.vpcConnectivity": [],
  },
  "aws:rds/instance:Instance": {
    engine: ["postgres"],
    engineVersion: (value) => typeof value === "string" && Number.parseInt(value, 10) >= OLDEST_POSTGRES,
    licenseModel: ["postgresql-license"],
    databaseInsightsMode: ["standard"], // the other is charged by the vCPU, which no book has of a class
    performanceInsightsRetentionPeriod: [0, 7],
    monitoringInterval: [0],
    dedicatedLogVolume: OFF,
    customIamInstanceProfile: [],
    replicateSourceDb: [], // has the size of what it is made from, as those below
    restoreToPointInTime: [],
    s3Import: [],
    snapshotIdentifier: [],
  },
  "aws:route53/zone:Zone": { enableAcceleratedRecovery: OFF },
  "aws:s3/bucket:Bucket": { accelerationStatus: ["Suspended"], replicationConfiguration: [] },
  "aws:sesv2/configurationSet:ConfigurationSet": { "deliveryOptions.sendingPoolName": [], vdmOptions: [] },
  "aws:sesv2/configurationSetEventDestination:ConfigurationSetEventDestination": {
    "eventDestination.cloudWatchDestination": [],
    "eventDestination.kinesisFirehoseDestination": [],
    "eventDestination.pinpointDestination": [],
  },
  "aws:sns/topic:Topic": { archivePolicy: [] },
};

/** @throws MillwrightError `price-missing`: the resource asks for something that its charger would leave out */
export function refuseUnpriced(resource: PlannedResource, { region }: PriceBook): void {
  const inputs = Object.hasOwn(UNPRICED, resource.type) ? UNPRICED[resource.type] : undefined;
  // A resource may stand in another region than its stack, at the prices of that one.
  for (const [path, free] of Object.entries({ ...inputs, region: [region] }))
    for (const value of valuesAt(resource.props, path))
      if (!isFree(value, free))
        throw new MillwrightError(
          "price-missing",
          `There is no price of ${path} ${shown(value)}, which ${labelOf(resource)} asks for.`,
        );
}

function isFree(value: unknown, free: Free): boolean {
  if (value === "") return true; // so a provider says that there is none
  if (typeof free === "function") return free(value);
  // Providers take "false" and "7" for false and 7.
  return free.some((one) => one === value || (value !== UNKNOWN && String(one) === String(value)));
}

function shown(value: unknown): string {
  return value === UNKNOWN ? "that is not known yet" : JSON.stringify(value);
}
