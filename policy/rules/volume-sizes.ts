import type { LimitRule, PlannedResource } from "./rule.ts";

type Props = PlannedResource["props"];

/** A disk never shrinks: a size that was written by mistake is paid until somebody copies the data. */
export const volumeSizes: LimitRule = {
  name: "volume-sizes",
  description: "No disk is, or grows by itself, larger than the environment takes.",
  violations({ type, props }, { largestVolumeGb }) {
    const sizes = (SIZES_OF[type]?.(props) ?? []).filter((size) => size !== undefined && size !== null);
    return sizes.flatMap((size) => {
      const gb = typeof size === "number" || typeof size === "string" ? Number(size) : Number.NaN;
      if (!(gb >= 0)) return [`Its size is no number: ${JSON.stringify(size)}.`];
      return gb <= largestVolumeGb ? [] : [`${gb} GB is more than ${largestVolumeGb} GB, the most here.`];
    });
  },
};

/** Sizes of each type that has some, in GB. */
const SIZES_OF: Readonly<Record<string, (props: Props) => readonly unknown[]>> = {
  "aws:ebs/volume:Volume": ({ size }) => [size],
  "aws:ec2/instance:Instance": ({ rootBlockDevice, ebsBlockDevices }) =>
    [rootBlockDevice, ...list(ebsBlockDevices)].map((disk) => at(disk, "volumeSize")),
  "aws:ec2/launchTemplate:LaunchTemplate": ({ blockDeviceMappings }) =>
    list(blockDeviceMappings).map((disk) => at(disk, "ebs", "volumeSize")),
  "aws:rds/instance:Instance": ({ allocatedStorage, maxAllocatedStorage }) => [
    allocatedStorage,
    maxAllocatedStorage,
  ],
  "aws:msk/cluster:Cluster": ({ brokerNodeGroupInfo }) => [
    at(brokerNodeGroupInfo, "storageInfo", "ebsStorageInfo", "volumeSize"),
  ],
  // What the brokers' disks grow to.
  "aws:appautoscaling/target:Target": ({ serviceNamespace, maxCapacity }) =>
    serviceNamespace === "kafka" ? [maxCapacity] : [],
};

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>((found, key) => (found as Props | undefined)?.[key], value);
}
