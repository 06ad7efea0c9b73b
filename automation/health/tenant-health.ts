import type pg from "pg";
import { alarmedTenants } from "../../data/catalog/dead-letter-alarm.ts";
import { placementOf, type TenantPlacement } from "../../data/catalog/placement.ts";
import { flipDeadlineOf } from "../../data/catalog/flip.ts";
import { shadowsOf } from "../../data/catalog/shadow.ts";
import { driftOf } from "../../data/catalog/stack-drift.ts";
import { readAlarms } from "../../data/catalog/tenant-alarms.ts";
import { asCellAdmin } from "../../data/cell/cell-admin.ts";
import type { CellSecret } from "../../data/cell/cell-secret.ts";
import { freeDiskBytes } from "../../data/cell/free-disk.ts";
import { readPositions } from "../../data/cell/move/positions.ts";
import { databaseBytes, readCondition } from "../../data/cell/tenant-condition.ts";
import { tenantSize } from "../../data/cell/tenant-size.ts";
import { isOutage } from "../../data/pool.ts";
import { within } from "../../data/wait.ts";
import { MillwrightError } from "../../model/errors.ts";
import {
  headroomMs,
  judgeAlarms,
  judgeDataPath,
  judgeDisk,
  judgeDrift,
  judgePlacement,
  NO_BACKUPS,
  worstOf,
  type AlarmFacts,
  type DataPathFacts,
  type DiskFacts,
  type DriftFacts,
  type HealthPart,
  type HealthStatus,
  type Judgement,
  type PlacementFacts,
} from "../../model/tenant-health.ts";
import type { TenantId } from "../../model/tenant.ts";
import { partitionLags, type LagLog } from "./partition-lag.ts";

/** Of each part. A healthy database answers in milliseconds; a person waits for the slowest part. */
const LIMIT_MS = 3_000;
const SESSION = { applicationName: "millwright-health", statementTimeoutMs: LIMIT_MS };

export interface HealthDeps {
  /** The catalog, as its service role. */
  readonly service: pg.Pool;
  readonly secretOf: (cell: string) => Promise<CellSecret>;
  readonly log: LagLog;
  readonly nowMs: () => number;
}

export interface TenantHealth {
  readonly tenant: TenantId;
  readonly at: Date;
  /** The worst of the parts. */
  readonly status: HealthStatus;
  readonly parts: {
    readonly dataPath: HealthPart<DataPathFacts>;
    readonly placement: HealthPart<PlacementFacts>;
    readonly disk: HealthPart<DiskFacts>;
    readonly backups: HealthPart<never>;
    readonly alarms: HealthPart<AlarmFacts>;
    readonly drift: HealthPart<DriftFacts | null>;
  };
}

/**
 * How a tenant is. Each part is read by itself and within a time of its own: what is away makes its part `down` or
 * `unknown`, and the others still answer.
 * @throws MillwrightError `tenant-not-ready` before the tenant has a place; and what the catalog throws, for without it
 *   nothing is known
 */
export async function tenantHealth(deps: HealthDeps, tenant: TenantId): Promise<TenantHealth> {
  const { service } = deps;
  const at = new Date(deps.nowMs());
  const placed = await placementOf(service, tenant);
  if (placed === undefined)
    throw new MillwrightError("tenant-not-ready", `Tenant ${tenant} has no place yet.`, { retryable: true });

  const drift = async () => driftFacts(await driftOf(service, tenant));
  const [dataPath, placement, disk, alarms, drifted] = await Promise.all([
    part(() => dataPathFacts(deps, placed), judgeDataPath, "down"),
    part(
      () => placementFacts(deps, placed),
      (facts) => judgePlacement(facts, at),
      "unknown",
    ),
    part(() => diskFacts(deps, placed), judgeDisk, "unknown"),
    part(() => readAlarms(service, tenant), judgeAlarms, "unknown"),
    part(drift, (facts) => judgeDrift(facts, at), "unknown"),
  ]);
  const parts = { dataPath, placement, disk, backups: NO_BACKUPS, alarms, drift: drifted };
  return { tenant, at, status: worstOf(Object.values(parts)), parts };
}

/** @param without - what it is when it cannot be read: nothing is stored in a cell that is away */
async function part<Facts>(
  read: () => Promise<Facts>,
  judge: (facts: Facts) => Judgement,
  without: "down" | "unknown",
): Promise<HealthPart<Facts>> {
  try {
    const facts = await within(LIMIT_MS, read());
    return { ...judge(facts), facts };
  } catch (error) {
    if (error instanceof MillwrightError) return { status: without, reason: error.message, facts: null };
    // The message of an error that is not ours may hold SQL, paths or secrets.
    const reason = isOutage(error) ? "a database does not answer" : "it could not be read";
    return { status: isOutage(error) ? without : "unknown", reason, facts: null };
  }
}

async function dataPathFacts(
  { service, secretOf, log, nowMs }: HealthDeps,
  { tenant, cell }: TenantPlacement,
): Promise<DataPathFacts> {
  const secret = await secretOf(cell);
  const [condition, positions] = await asCellAdmin(secret, SESSION, async (client) => [
    await readCondition(client, tenant),
    await readPositions(client, tenant),
  ]);
  const partitions = await partitionLags(log, positions, nowMs());
  const isDeadLetterAlarm = (await alarmedTenants(service, [tenant])).has(tenant);
  return { ...condition, partitions, isDeadLetterAlarm };
}

async function placementFacts(
  { service, secretOf, log, nowMs }: HealthDeps,
  { tenant, cell, epoch, state }: TenantPlacement,
): Promise<PlacementFacts> {
  const shadows = await shadowsOf(service, tenant);
  const flipDeadline = (await flipDeadlineOf(service, tenant)) ?? null;
  const standing = shadows.map(async ({ cell: shadow, until = null }) => {
    const positions = await asCellAdmin(await secretOf(shadow), SESSION, (client) =>
      readPositions(client, tenant),
    );
    const lags = await partitionLags(log, positions, nowMs());
    return {
      ...{ cell: shadow, until },
      lagRecords: lags.reduce((sum, { lagRecords }) => sum + lagRecords, 0),
      lagMs: Math.max(0, ...lags.map(({ lagMs }) => lagMs)),
      headroomMs: Math.min(...[{ lagMs: 0, isOutOfRange: false }, ...lags].map(headroomMs)),
    };
  });
  return { cell, epoch, state, flipDeadline, shadows: await Promise.all(standing) };
}

async function diskFacts({ secretOf }: HealthDeps, { tenant, cell }: TenantPlacement): Promise<DiskFacts> {
  return asCellAdmin(await secretOf(cell), SESSION, async (client) => ({
    databaseBytes: await databaseBytes(client),
    tenantBytes: (await tenantSize(client, tenant)).byteCount,
    freeBytes: (await freeDiskBytes(client)) ?? null,
  }));
}

function driftFacts(drift: Awaited<ReturnType<typeof driftOf>>): DriftFacts | null {
  if (drift === undefined) return null;
  const { stack, checkedAt, status, differences } = drift;
  return { stack, checkedAt, status, differenceCount: differences.length };
}
