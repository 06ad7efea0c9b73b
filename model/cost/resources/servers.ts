import { MillwrightError } from "../../errors.ts";
import type { Charge } from "../cost-line.ts";
import {
  countAt,
  lengthAt,
  mayBe,
  textAt,
  UNKNOWN,
  valueAt,
  valuesAt,
  type PlannedResource,
  type Props,
} from "../planned-resource.ts";
import {
  charge,
  companionsOf,
  dearestCharges,
  labelOf,
  MOST_ZONES,
  sizePrice,
  type Charger,
  type Charging,
} from "./charging.ts";
import { diskCharges, disksOf } from "./disks.ts";

/** What a TimescaleDB server publishes of itself, in figures of our own. */
const METRICS_PER_SERVER = 8;
/** Of EC2, each minute instead of every five: these are charged as one's own. */
const DETAILED_METRICS = 7;
/** Of ECS services of one account and region, by default: what a count that is not known may be. */
const MOST_TASKS = 10;
const FREE_TASK_DISK_GB = 20;
const LARGEST_TASK_DISK_GB = 200;

const instance: Charger = (resource, charging) => {
  const templates = launchTemplatesOf(resource, charging);
  if (templates === undefined) return serverCharges(resource, {}, charging);
  // Which of the stack's it is, a plan does not say: the id of one that is not made yet is not known.
  return dearestCharges(
    charging,
    templates.map(({ props }) => serverCharges(resource, props, charging)),
    labelOf(resource),
  );
};

function serverCharges(resource: PlannedResource, template: Props, charging: Charging): readonly Charge[] {
  const { props } = resource;
  const { hours, months } = charging;
  const size = textAt(props, "instanceType") ?? textAt(template, "instanceType");
  const isPublic =
    mayBe(props, "associatePublicIpAddress") ||
    valuesAt(template, "networkInterfaces").some((one) => mayBe(one as Props, "associatePublicIpAddress"));
  const isDetailed = mayBe(props, "monitoring") || mayBe(template, "monitoring.enabled");
  return [
    charge("time-series", sizePrice(charging, "ec2/instance/", size, labelOf(resource)), hours),
    ...disksOf(props, template).flatMap((disk) => diskCharges(disk, months)),
    ...(isPublic ? [charge("network", "ipv4/hours", hours)] : []),
    charge("monitoring", "cloudwatch/metrics", METRICS_PER_SERVER * months, "8 metrics of our own a server"),
    ...(isDetailed ? [charge("monitoring", "cloudwatch/metrics", DETAILED_METRICS * months)] : []),
  ];
}

/** @returns undefined for a server without one @throws MillwrightError `price-missing`: it is not in the stack */
function launchTemplatesOf(
  server: PlannedResource,
  charging: Charging,
): readonly PlannedResource[] | undefined {
  if (valueAt(server.props, "launchTemplate") === undefined) return undefined;
  const name = textAt(server.props, "launchTemplate.name");
  const possible = companionsOf(charging, "aws:ec2/launchTemplate:LaunchTemplate").filter(({ props }) => {
    const own = textAt(props, "name");
    return typeof name !== "string" || own === name || own === UNKNOWN;
  });
  if (possible.length > 0) return possible;
  throw new MillwrightError(
    "price-missing",
    `There is no price of the launch template of ${labelOf(server)}: it is not in the stack, so that its size and disks are not known.`,
  );
}

const service: Charger = (resource, charging) => {
  const count = countAt(resource.props, "desiredCount", { absent: 1, worst: MOST_TASKS });
  // Which of the stack's it runs, a plan does not say.
  const tasks = companionsOf(charging, "aws:ecs/taskDefinition:TaskDefinition").map(({ props }) => props);
  if (tasks.length === 0)
    throw new MillwrightError(
      "price-missing",
      `There is no price of the task definition of ${labelOf(resource)}: it is not in the stack, so that its size is not known.`,
    );
  const most = (path: string, absent: number, worst: number) =>
    Math.max(...tasks.map((props) => countAt(props, path, { absent, worst })));
  const architectures = tasks.map((props) => textAt(props, "runtimePlatform.cpuArchitecture") ?? "X86_64");
  const cpu = architectures.every((architecture) => architecture === "ARM64") ? "arm64" : "x86-64";
  const hours = count * charging.hours;
  const diskGb =
    most("ephemeralStorage.sizeInGib", FREE_TASK_DISK_GB, LARGEST_TASK_DISK_GB) - FREE_TASK_DISK_GB;
  return [
    charge("control-plane", `fargate/vcpu/${cpu}`, (most("cpu", 256, 16_384) / 1_024) * hours),
    charge("control-plane", `fargate/memory/${cpu}`, (most("memory", 512, 122_880) / 1_024) * hours),
    ...(diskGb > 0 ? [charge("control-plane", "fargate/ephemeral-storage", diskGb * hours)] : []),
    ...(mayBe(resource.props, "networkConfiguration.assignPublicIp")
      ? [charge("network", "ipv4/hours", hours)]
      : []),
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
  const growth = companionsOf(charging, "aws:appautoscaling/target:Target");
  const mostGb = Math.max(
    storageGb,
    ...growth.map(({ props: target }) =>
      countAt(target, "maxCapacity", { absent: storageGb, worst: 16_384 }),
    ),
  );
  const quantity = (gb: number) => gb * count * months;
  return [
    charge("event-log", sizePrice(charging, "msk/broker/", size, name), count * hours),
    charge(
      "event-log",
      "msk/storage",
      {
        low: quantity(storageGb),
        expected: quantity(storageGb),
        high: quantity(mostGb),
      },
      "the brokers' storage grows itself, up to its limit",
    ),
  ];
};

const loadBalancer: Charger = ({ props }, { hours }) => {
  const type = textAt(props, "loadBalancerType");
  const kind = type === "network" ? "nlb" : type === "gateway" ? "gwlb" : "alb";
  const addresses = Math.max(
    lengthAt(props, "subnets", MOST_ZONES),
    lengthAt(props, "subnetMappings", MOST_ZONES),
  );
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
      : [charge("network", "ipv4/hours", addresses * hours)]),
  ];
};

/** What computes: servers and their disks, brokers, tasks. */
export const SERVERS: Readonly<Record<string, Charger>> = {
  "aws:ec2/instance:Instance": instance,
  "aws:ebs/volume:Volume": ({ props: { size, type, ...props } }, { months }) =>
    diskCharges({ ...props, volumeSize: size, volumeType: type }, months),
  "aws:ecs/service:Service": service,
  "aws:ecr/repository:Repository": images,
  "aws:msk/cluster:Cluster": brokers,
  "aws:lb/loadBalancer:LoadBalancer": loadBalancer,
};
