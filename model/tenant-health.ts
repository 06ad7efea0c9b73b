import type { StackDrift } from "./drift.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "./duration.ts";
import type { FlipPlacement } from "./flip.ts";
import type { Severity } from "./rule.ts";
import { LOG_RETENTION_MS } from "./tenant-log.ts";

/** From best to worst. `unknown`: nobody can say, which is never good news. */
export const HEALTH_STATUSES = ["ok", "unknown", "degraded", "down"] as const;
export type HealthStatus = (typeof HEALTH_STATUSES)[number];

export interface Judgement {
  readonly status: HealthStatus;
  /** What is not as it should be; null when all is. */
  readonly reason: string | null;
}

/** One aspect of a tenant. @typeParam Facts - what was judged; null when it could not be read */
export interface HealthPart<Facts> extends Judgement {
  readonly facts: Facts | null;
}

/** How far behind the end of a partition its cell stores. */
export interface PartitionLag {
  readonly topic: string;
  readonly partition: number;
  readonly lagRecords: number;
  /** Since the oldest record that waits was appended; 0 when none does. */
  readonly lagMs: number;
  /** The log has dropped records that were not stored. */
  readonly isOutOfRange: boolean;
}

export interface DataPathFacts {
  /** The minute of the log in which the newest stored reading was appended. */
  readonly lastStoredAt: Date | null;
  readonly partitions: readonly PartitionLag[];
  readonly openDeadLetterCount: number;
  readonly isDeadLetterAlarm: boolean;
}

export interface PlacementFacts {
  readonly cell: string;
  readonly epoch: bigint;
  readonly state: FlipPlacement["state"];
  /** When others end a flip that is on its way. */
  readonly flipDeadline: Date | null;
  readonly shadows: readonly {
    readonly cell: string;
    /** When the way back ends; null for the target of a move. */
    readonly until: Date | null;
    readonly lagRecords: number;
    readonly lagMs: number;
    /** Until the log drops what the shadow still needs; 0 when it has. */
    readonly headroomMs: number;
  }[];
}

export interface DiskFacts {
  readonly databaseBytes: number;
  readonly tenantBytes: number;
  /** null: the server does not tell. */
  readonly freeBytes: number | null;
}

export interface AlarmFacts {
  readonly activeAlerts: Readonly<Record<Severity, number>>;
  /** Whose notifications do not arrive. */
  readonly failingChannels: readonly string[];
  /** Alerts that took longer than the promise, in 30 days. */
  readonly violationCount: number;
}

export type DriftFacts = Pick<StackDrift, "stack" | "checkedAt" | "status"> & {
  readonly differenceCount: number;
};

/** Ingestion commits several times a second: a minute is no burst any more, and ten are an outage. */
const LATE_MS = MINUTE_MS;
const STOPPED_MS = 10 * MINUTE_MS;
/** Less than a day to mend what holds a shadow up. */
const LITTLE_HEADROOM_MS = DAY_MS;
/** PostgreSQL needs room to write before it can free any. */
const LITTLE_DISK_BYTES = 2 * 2 ** 30;
const NO_DISK_BYTES = 256 * 2 ** 20;
/** Seed 000: five violations in 30 days upgrade a tenant. */
const VIOLATIONS = 5;
/** Nightly: one that is missing may be a restart, two are not. */
const OLD_DRIFT_MS = 2 * DAY_MS + HOUR_MS;

type Finding = readonly [status: Exclude<HealthStatus, "ok">, reason: string] | false;

export function judgeDataPath({ partitions, isDeadLetterAlarm }: DataPathFacts): Judgement {
  const lagMs = Math.max(0, ...partitions.map((one) => one.lagMs));
  const seconds = Math.round(lagMs / 1_000);
  return judge([
    partitions.some((one) => one.isOutOfRange) && [
      "down",
      "the log has dropped readings that are not stored",
    ],
    lagMs >= STOPPED_MS && ["down", `the oldest reading waits for ${seconds} s to be stored`],
    lagMs >= LATE_MS && lagMs < STOPPED_MS && ["degraded", `readings are stored ${seconds} s late`],
    isDeadLetterAlarm && ["degraded", "dead letters grow"],
  ]);
}

export function judgePlacement({ state, flipDeadline, shadows }: PlacementFacts, now: Date): Judgement {
  const isOverdue = flipDeadline !== null && flipDeadline < now;
  return judge([
    state === "building" && ["unknown", "the tenant is being made"],
    isOverdue && ["down", "a flip is past its deadline, and nobody has ended it"],
    state === "flipping" && !isOverdue && ["degraded", "the tenant's writers wait for a flip"],
    ...shadows.map(({ cell, headroomMs }): Finding => {
      if (headroomMs <= 0) return ["degraded", `the log has dropped what ${cell} still needs`];
      return (
        headroomMs < LITTLE_HEADROOM_MS && [
          "degraded",
          `the log drops what ${cell} needs in ${Math.round(headroomMs / HOUR_MS)} h`,
        ]
      );
    }),
  ]);
}

export function judgeDisk({ freeBytes }: DiskFacts): Judgement {
  if (freeBytes === null)
    return { status: "unknown", reason: "the server does not tell how much room it has" };
  const left = `${Math.round(freeBytes / 2 ** 20)} MiB are free on the disk of the database`;
  return judge([
    freeBytes < NO_DISK_BYTES && ["down", left],
    freeBytes >= NO_DISK_BYTES && freeBytes < LITTLE_DISK_BYTES && ["degraded", left],
  ]);
}

/** Alerts of machines are shown and not judged: a hot machine is no trouble of the platform's. */
export function judgeAlarms({ failingChannels, violationCount }: AlarmFacts): Judgement {
  return judge([
    failingChannels.length > 0 && ["degraded", `notifications fail: ${failingChannels.join(", ")}`],
    violationCount >= VIOLATIONS && ["degraded", `${violationCount} alerts in 30 days came too late`],
  ]);
}

export function judgeDrift(drift: DriftFacts | null, now: Date): Judgement {
  if (drift === null) return { status: "unknown", reason: "the stack was not looked at yet" };
  const ageMs = now.getTime() - drift.checkedAt.getTime();
  return judge([
    drift.status === "failed" && ["unknown", "the last look at the stack failed"],
    ageMs > OLD_DRIFT_MS && ["unknown", `nobody has looked for ${Math.floor(ageMs / DAY_MS)} days`],
    drift.status === "drifted" && [
      "degraded",
      `${drift.differenceCount} resources are not as they were made`,
    ],
  ]);
}

/** Said until there are any: what nobody has tried to restore is no backup. */
export const NO_BACKUPS: HealthPart<never> = {
  status: "unknown",
  reason: "backups are not made yet",
  facts: null,
};

/** How long the log holds what waits for `lagMs`. */
export function headroomMs({ lagMs, isOutOfRange }: Pick<PartitionLag, "lagMs" | "isOutOfRange">): number {
  return isOutOfRange ? 0 : Math.max(0, LOG_RETENTION_MS - lagMs);
}

export function worstOf(parts: readonly Judgement[]): HealthStatus {
  const rank = ({ status }: Judgement) => HEALTH_STATUSES.indexOf(status);
  return HEALTH_STATUSES[Math.max(0, ...parts.map(rank))] ?? "unknown";
}

/** The worst of what was found, with all reasons, the worst first. */
function judge(findings: readonly Finding[]): Judgement {
  const found = findings
    .filter((finding) => finding !== false)
    .map(([status, reason]) => ({ status, reason }))
    .sort((a, b) => HEALTH_STATUSES.indexOf(b.status) - HEALTH_STATUSES.indexOf(a.status));
  return found.length === 0
    ? { status: "ok", reason: null }
    : { status: worstOf(found), reason: found.map(({ reason }) => reason).join("; ") };
}
