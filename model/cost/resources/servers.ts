import { countAt, lengthAt, mayBe, textAt, UNKNOWN, valueAt, type Props } from "../planned-resource.ts";
import { charge, companionsOf, sizePrice, type Charger } from "./charging.ts";

/** The largest volume of gp3, what a size that is not known may be. */
const LARGEST_VOLUME_GB = 65_536;
/** Included in the price of gp3's storage. */
const FREE_IOPS = 3_000;
const FREE_THROUGHPUT_MBPS = 125;
const MOST_IOPS = 80_000;
const MOST_THROUGHPUT_MBPS = 2_000;
/** What a TimescaleDB server publishes of itself, in figures of our own. */
const METRICS_PER_SERVER = 8;
/** Of ECS services of one account and region, by default: what a count that is not known may be. */
const MOST_TASKS = 10;

const volumeCharges = (props: Props, sizePath: string, months: number, worst = LARGEST_VOLUME_GB) => {
  const type = textAt(props, "volumeType") ?? textAt(props, "type") ?? "gp2";
  const storage = typeof type === "string" ? `ebs/${type}-storage` : "ebs/io2-storage";
  const sizeGb = countAt(props, sizePath, { absent: 8, worst });
  const iops = countAt(props, "iops", { absent: FREE_IOPS, worst: MOST_IOPS }) - FREE_IOPS;
  const throughput =
    countAt(props, "throughput", { absent: FREE_THROUGHPUT_MBPS, worst: MOST_THROUGHPUT_MBPS }) -
    FREE_THROUGHPUT_MBPS;
  return [
    charge("time-series", storage, sizeGb * months),
    ...(iops > 0 ? [charge("time-series", "ebs/gp3-iops", iops * months)] : []),
    ...(throughput > 0 ? [charge("time-series", "ebs/gp3-throughput", throughput * months)] : []),
  ];
};

const instance: Charger = (resource, charging) => {
  const { name, props } = resource;
  const { hours, months } = charging;
  const templates = companionsOf(charging, "aws:ec2/launchTemplate:LaunchTemplate", resource);
  const own = textAt(props, "instanceType");
  const size =
    own ?? (templates.length === 1 && templates[0] ? textAt(templates[0].props, "instanceType") : UNKNOWN);
  const disks = (templates[0]?.props["blockDeviceMappings"] ?? []) as unknown;
  const roots = Array.isArray(disks) ? disks.map((disk) => valueAt(disk as Props, "ebs") as Props) : [];
  return [
    charge("time-series", sizePrice(charging, "ec2/instance/", size, name), hours),
    ...roots.flatMap((root) => volumeCharges(root, "volumeSize", months)),
    ...(mayBe(props, "associatePublicIpAddress") ? [charge("network", "ipv4/hours", hours)] : []),
    charge("monitoring", "cloudwatch/metrics", METRICS_PER_SERVER * months, "8 metrics of our own a server"),
  ];
};

const database: Charger = ({ name, props }, charging) => {
  const { hours, months } = charging;
  const isMultiAz = mayBe(props, "multiAz");
  const zones = isMultiAz ? "multi-az" : "single-az";
  const family = "rds/postgresql/";
  const instanceClass = textAt(props, "instanceClass");
  const price =
    typeof instanceClass === "string"
      ? `${family}${instanceClass}/${zones}`
      : sizePrice(charging, family, UNKNOWN, name);
  const storageGb = countAt(props, "allocatedStorage", { absent: 20, worst: LARGEST_VOLUME_GB });
  const mostGb = countAt(props, "maxAllocatedStorage", { absent: storageGb, worst: LARGEST_VOLUME_GB });
  const storage = {
    low: storageGb * months,
    expected: storageGb * months,
    high: Math.max(storageGb, mostGb) * months,
  };
  const backups = { low: 0, expected: 0, high: storage.expected };
  return [
    charge("catalog", price, hours),
    charge("catalog", `rds/gp3-storage/${zones}`, storage, "RDS grows its storage itself, up to its limit"),
    charge("catalog", "rds/backup", backups, "backups up to the size of the storage are free"),
  ];
};

const service: Charger = (resource, charging) => {
  const count = countAt(resource.props, "desiredCount", { absent: 1, worst: MOST_TASKS });
  const tasks = companionsOf(charging, "aws:ecs/taskDefinition:TaskDefinition", resource).map(
    ({ props }) => props,
  );
  const most = (path: string, absent: number, worst: number) =>
    Math.max(...[{}, ...tasks].map((props) => countAt(props, path, { absent, worst })));
  const architectures = tasks.map((props) => textAt(props, "runtimePlatform.cpuArchitecture") ?? "X86_64");
  const cpu =
    architectures.every((architecture) => architecture === "ARM64") && tasks.length > 0 ? "arm64" : "x86-64";
  const hours = count * charging.hours;
  return [
    charge("control-plane", `fargate/vcpu/${cpu}`, (most("cpu", 256, 16_384) / 1_024) * hours),
    charge("control-plane", `fargate/memory/${cpu}`, (most("memory", 512, 122_880) / 1_024) * hours),
  ];
};

const images: Charger = (_, { months }) => [
  charge(
    "control-plane",
    "ecr/storage",
    { low: 0.5 * months, expected: 2 * months, high: 10 * months },
    "images of 0.5 GB, the newest kept",
  ),
];

const brokers: Charger = (resource, charging) => {
  const { name, props } = resource;
  const { hours, months } = charging;
  const count = countAt(props, "numberOfBrokerNodes", { absent: 3, worst: 90 });
  const size = textAt(props, "brokerNodeGroupInfo.instanceType");
  const path = "brokerNodeGroupInfo.storageInfo.ebsStorageInfo.volumeSize";
  const storageGb = countAt(props, path, { absent: 1_000, worst: 16_384 });
  const growth = companionsOf(charging, "aws:appautoscaling/target:Target", resource)[0];
  const mostGb =
    growth === undefined
      ? storageGb
      : countAt(growth.props, "maxCapacity", { absent: storageGb, worst: 16_384 });
  const quantity = (gb: number) => gb * count * months;
  return [
    charge("event-log", sizePrice(charging, "msk/broker/", size, name), count * hours),
    charge(
      "event-log",
      "msk/storage",
      {
        low: quantity(storageGb),
        expected: quantity(storageGb),
        high: quantity(Math.max(storageGb, mostGb)),
      },
      "the brokers' storage grows itself, up to its limit",
    ),
  ];
};

const loadBalancer: Charger = ({ props }, { hours }) => {
  const kind = textAt(props, "loadBalancerType") === "network" ? "nlb" : "alb";
  return [
    charge("control-plane", `${kind}/hours`, hours),
    charge(
      "control-plane",
      `${kind}/capacity-units`,
      { low: 0, expected: hours, high: 10 * hours },
      "one capacity unit on average, ten at most",
    ),
    ...(mayBe(props, "internal") && props["internal"] !== UNKNOWN
      ? []
      : [charge("network", "ipv4/hours", lengthAt(props, "subnets", 6) * hours)]),
  ];
};

/** What computes and what stores: servers, databases, brokers, tasks. */
export const SERVERS: Readonly<Record<string, Charger>> = {
  "aws:ec2/instance:Instance": instance,
  "aws:ebs/volume:Volume": ({ props }, { months }) => volumeCharges(props, "size", months),
  "aws:rds/instance:Instance": database,
  "aws:ecs/service:Service": service,
  "aws:ecr/repository:Repository": images,
  "aws:msk/cluster:Cluster": brokers,
  "aws:lb/loadBalancer:LoadBalancer": loadBalancer,
};
