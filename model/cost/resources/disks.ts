import type { Charge } from "../cost-line.ts";
import { countAt, textAt, UNKNOWN, valueAt, type Props } from "../planned-resource.ts";
import { charge } from "./charging.ts";

/** The largest volume of gp3, what a size that is not known may be. */
export const LARGEST_VOLUME_GB = 65_536;
/** What a list of disks that is not known may hold: no server of AWS takes more. */
const MOST_DISKS = 128;
/** Included in the price of gp3's storage. */
const FREE_IOPS = 3_000;
const FREE_THROUGHPUT_MBPS = 125;
const MOST_IOPS = 80_000;
const MOST_THROUGHPUT_MBPS = 2_000;
/** What an image makes of a disk whose size nobody gives. */
const IMAGE_GB = 8;
/** io2 is the dearest type. */
const UNKNOWN_DISK: Props = { volumeType: UNKNOWN, volumeSize: UNKNOWN };

/** What one volume of EBS is charged with. @param disk - as a server or a launch template describes it */
export function diskCharges(disk: Props, months: number): Charge[] {
  const type = textAt(disk, "volumeType") ?? "gp2";
  const storage = typeof type === "string" ? `ebs/${type}-storage` : "ebs/io2-storage";
  // Made from a snapshot, it has at least the snapshot's size, which no plan holds.
  const absent = valueAt(disk, "snapshotId") === undefined ? IMAGE_GB : LARGEST_VOLUME_GB;
  const sizeGb = countAt(disk, "volumeSize", { absent, worst: LARGEST_VOLUME_GB });
  const iops = countAt(disk, "iops", { absent: FREE_IOPS, worst: MOST_IOPS }) - FREE_IOPS;
  const throughput =
    countAt(disk, "throughput", { absent: FREE_THROUGHPUT_MBPS, worst: MOST_THROUGHPUT_MBPS }) -
    FREE_THROUGHPUT_MBPS;
  return [
    charge("time-series", storage, sizeGb * months),
    ...(iops > 0 ? [charge("time-series", "ebs/gp3-iops", iops * months)] : []),
    ...(throughput > 0 ? [charge("time-series", "ebs/gp3-throughput", throughput * months)] : []),
    ...(valueAt(disk, "volumeInitializationRate") === undefined
      ? []
      : [charge("time-series", "ebs/volume-initialization", sizeGb)]),
  ];
}

/** The disks that a server has of its own and by its template. One that says otherwise what the image has counts beside it. */
export function disksOf(server: Props, template: Props): readonly Props[] {
  return [
    ...listOf(valueAt(template, "blockDeviceMappings")).map((mapping) => valueAt(mapping as Props, "ebs")),
    valueAt(server, "rootBlockDevice"),
    ...listOf(valueAt(server, "ebsBlockDevices")),
  ]
    .filter((disk) => disk !== undefined && disk !== null)
    .map((disk) => (typeof disk === "object" ? (disk as Props) : UNKNOWN_DISK));
}

function listOf(value: unknown): readonly unknown[] {
  if (value === undefined || Array.isArray(value)) return value ?? [];
  return Array.from({ length: MOST_DISKS }, () => UNKNOWN);
}
