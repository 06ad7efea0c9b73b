import { countAt, mayBe, textAt, UNKNOWN, valueAt } from "../planned-resource.ts";
import { charge, sizePrice, type Charger } from "./charging.ts";
import { LARGEST_VOLUME_GB } from "./disks.ts";

/** Included in the price of gp3's storage, which RDS stripes over four volumes from a size on (RDS User Guide, read 2026-11). */
const STRIPED_FROM_GB = 400;
const FREE = { iops: 3_000, throughputMbps: 125 } as const;
const FREE_STRIPED = { iops: 12_000, throughputMbps: 500 } as const;
const MOST = { iops: 64_000, throughputMbps: 4_000 } as const;

/** PostgreSQL: other engines, and what else makes a database dearer, have no price (unpriced.ts). */
const database: Charger = ({ name, props }, charging) => {
  const { hours, months } = charging;
  const zones = mayBe(props, "multiAz") ? "multi-az" : "single-az";
  const family = "rds/postgresql/";
  const instanceClass = textAt(props, "instanceClass");
  const price =
    typeof instanceClass === "string"
      ? `${family}${instanceClass}/${zones}`
      : sizePrice(charging, family, UNKNOWN, name);

  // RDS takes io1 where IOPS are asked for and no type is.
  const type = textAt(props, "storageType") ?? (valueAt(props, "iops") === undefined ? "gp3" : "io1");
  const kind = typeof type === "string" ? type : "io2";
  const storageGb = countAt(props, "allocatedStorage", { absent: 20, worst: LARGEST_VOLUME_GB });
  const mostGb = countAt(props, "maxAllocatedStorage", { absent: storageGb, worst: LARGEST_VOLUME_GB });
  const storage = {
    low: storageGb * months,
    expected: storageGb * months,
    high: Math.max(storageGb, mostGb) * months,
  };
  const free = storageGb < STRIPED_FROM_GB ? FREE : FREE_STRIPED;
  const iops = countAt(props, "iops", { absent: free.iops, worst: MOST.iops }) - free.iops;
  const throughput =
    countAt(props, "storageThroughput", { absent: free.throughputMbps, worst: MOST.throughputMbps }) -
    free.throughputMbps;
  const backups = { low: 0, expected: 0, high: storage.expected };
  return [
    charge("catalog", price, hours),
    charge(
      "catalog",
      `rds/${kind}-storage/${zones}`,
      storage,
      "RDS grows its storage itself, up to its limit",
    ),
    ...(iops > 0 ? [charge("catalog", `rds/${kind}-iops/${zones}`, iops * months)] : []),
    ...(throughput > 0 ? [charge("catalog", `rds/${kind}-throughput/${zones}`, throughput * months)] : []),
    charge("catalog", "rds/backup", backups, "backups up to the size of the storage are free"),
  ];
};

export const DATABASES: Readonly<Record<string, Charger>> = { "aws:rds/instance:Instance": database };
