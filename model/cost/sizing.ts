import { AWS_PRESETS, type AwsPreset } from "../aws/settings.ts";
import type { Tier } from "../tenant.ts";
import type { Charge } from "./cost-line.ts";
import { HOURS_PER_MONTH } from "./month.ts";
import { charge } from "./resources/charging.ts";
import { BYTES_PER_GB } from "./usage-charges.ts";
import type { MonthlyUsage } from "./usage.ts";

/** Above it a volume is full before somebody has come to make it larger. */
export const FILLED_PART = 0.8;
/** EBS sells GB by GB, but nobody changes a database's volume for a few. */
export const VOLUME_STEP_GB = 100;
/** Of gp3: AWS's documentation of EBS, read 2026-11. */
const LARGEST_VOLUME_GB = 65_536;
/** Seen: 100,000 a second on a core of a server; half of the cores are for queries and compression. */
const READINGS_PER_CORE_SECOND = 50_000;

/** As the bill of materials of a dedicated tenant has them, whatever the platform's size. */
const DEDICATED = AWS_PRESETS.production.dedicatedTimescale;
const DEDICATED_SERVERS = DEDICATED.hasReplica ? 2 : 1;

/** Shared databases that hold so much; at least one. */
export function cellsFor(storedBytes: number, preset: AwsPreset): number {
  return Math.max(1, Math.ceil(storedBytes / BYTES_PER_GB / sharedRoomGb(preset)));
}

/** What a shared database may hold of all its tenants. */
export function sharedRoomGb(preset: AwsPreset): number {
  return AWS_PRESETS[preset].timescale.dataVolumeGb * FILLED_PART;
}

/** GB of each data volume beyond the standard one, so that no more than {@link FILLED_PART} of it is filled. */
export function moreVolumeGb(storedBytes: number): number {
  const neededGb = storedBytes / BYTES_PER_GB / FILLED_PART;
  return Math.max(0, Math.ceil((neededGb - DEDICATED.dataVolumeGb) / VOLUME_STEP_GB)) * VOLUME_STEP_GB;
}

/** Of a database of the tenant's own, for what its standard volumes do not hold. @param months - that it stood */
export function moreVolumeCharges({ storageBytes }: MonthlyUsage, months = 1): Charge[] {
  const gb = moreVolumeGb(storageBytes);
  const assumption = `data volumes filled to ${100 * FILLED_PART} % at most, ${VOLUME_STEP_GB} GB at a time`;
  return gb > 0
    ? [charge("time-series", "ebs/gp3-storage", gb * DEDICATED_SERVERS * months, assumption)]
    : [];
}

/** What a tier has no room for; undefined: it has. A price beside it is of what there is. */
export function shortfallOf(tier: Tier, preset: AwsPreset, usage: MonthlyUsage): string | undefined {
  const servers = tier === "shared" ? AWS_PRESETS[preset].timescale : DEDICATED;
  const roomGb = tier === "shared" ? sharedRoomGb(preset) : LARGEST_VOLUME_GB * FILLED_PART;
  const storedGb = usage.storageBytes / BYTES_PER_GB;
  const perSecond = usage.readings / (HOURS_PER_MONTH * 3_600);
  const most = servers.vcpuCount * READINGS_PER_CORE_SECOND;
  const said = (value: number) => Math.round(value).toLocaleString("en-US");
  if (storedGb > roomGb)
    return `It stores ${said(storedGb)} GB, and the largest ${tier} database has room for ${said(roomGb)}.`;
  if (perSecond > most)
    return `It sends ${said(perSecond)} readings a second, and ${servers.instanceType} stores ${said(most)}.`;
  return undefined;
}
