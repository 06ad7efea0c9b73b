import { statfs } from "node:fs/promises";
import type { Catalog } from "../../data/catalog/catalog.ts";
import { lastBuildMs, lastCopyRate, usualPauseMs } from "../../data/catalog/move-history.ts";
import { placementOf } from "../../data/catalog/placement.ts";
import { currentTriggers } from "../../data/catalog/trigger-config.ts";
import { readCellSecret } from "../../data/cell/cell-secret.ts";
import type { EventLog } from "../../data/event-log/event-log.ts";
import { keptMs } from "../../data/event-log/kept-time.ts";
import type { SecretStore } from "../../data/secret-store.ts";
import {
  diskNeeded,
  estimateMove,
  PROMISED_PAUSE_MS,
  type MoveEstimate,
  type MoveMeasures,
} from "../../model/move-estimate.ts";
import {
  diskRefusals,
  placeRefusals,
  retentionRefusals,
  targetCellOf,
  type MoveRefusal,
  type MovingTenant,
} from "../../model/move-gate.ts";
import { driftRefusals } from "../../model/target-gate.ts";
import type { TenantId, Tier } from "../../model/tenant.ts";
import type { CostGate } from "../cost/environment.ts";
import { lookAtSource, lookAtTarget, unreachable, type SourceLook, type TargetLook } from "./cell-checks.ts";
import { readMovingTenant, type PlanRequest } from "./moving-tenant.ts";

/** What a plan looks at. */
export interface PlanDeps extends CostGate {
  readonly catalog: Pick<Catalog, "service">;
  readonly secrets: SecretStore;
  readonly log: Pick<EventLog, "retention" | "bounds" | "read">;
  /** Folder of the installation; databases that are built lie in it. */
  readonly home: string;
  /** Of servers that dedicated databases claim; empty: they are built. */
  readonly dedicatedCellUrls: readonly string[];
  /** How long the way back stays open. */
  readonly moveGraceMs: number;
}

/** A move that nobody has begun. */
export interface MovePlan {
  readonly from: MovingTenant["home"];
  /** undefined: one that is made for it */
  readonly toCell: string | undefined;
  /** Every reason why it would not start; none when it would. */
  readonly refusals: readonly MoveRefusal[];
  /** undefined where the tenant's database does not answer */
  readonly size: MoveSize | undefined;
  /** Of the tenant, as its quote says it; undefined where there is no place to go to. */
  readonly cost: { readonly beforeUsdPerMonth: number; readonly afterUsdPerMonth: number } | undefined;
}

/** The last large move; a short copy to nowhere; there was nothing to measure. */
export const COPY_RATE_SOURCES = ["last-move", "sample", "default"] as const;

interface MoveSize extends MoveMeasures {
  readonly copyRateFrom: (typeof COPY_RATE_SOURCES)[number];
  readonly estimate: MoveEstimate;
  /** Of the tenant's writers, at the flip. */
  readonly pauseMs: number;
  /** undefined: nobody says, or the server is not chosen yet */
  readonly freeDiskBytes: number | undefined;
}

/** What the target writes is slower than what the source reads. */
const WRITTEN_PER_READ = 0.4;
const DEFAULT_ROWS_PER_SECOND = 200_000;
/** A cluster is made in seconds, a server claimed in less; the engine takes its time for either. */
const DEFAULT_BUILD_MS = 30_000;

/** Looks at all that a move depends on, and changes nothing. @throws MillwrightError `tenant-unknown` */
export async function planMove(deps: PlanDeps, request: PlanRequest): Promise<MovePlan> {
  const { service } = deps.catalog;
  const { tenant, target } = request;
  const moving = await readMovingTenant(service, request, deps);
  const { home } = moving;
  const { triggers } = await currentTriggers(service);
  const refusals = [...placeRefusals(moving, target, triggers)];
  const toCell = targetCellOf(moving, target);
  const plan = { from: home, toCell, cost: costOf(moving, target.tier, toCell) };
  if (home === undefined) return { ...plan, refusals, size: undefined };

  const secret = await readCellSecret(deps.secrets, home.cell);
  const source = secret && (await lookAtSource(secret, tenant));
  if (source === undefined)
    return { ...plan, refusals: [...refusals, unreachable("source")], size: undefined };
  const buildMs = (await lastBuildMs(service, target.tier)) ?? DEFAULT_BUILD_MS;
  const measures = { ...source.size, ...(await copyRate(deps, source)), buildMs };
  const estimate = estimateMove(measures);
  const place = await lookAtPlace(deps, source, toCell, request);
  const followMs = estimate.copyMs + estimate.proveMs + deps.moveGraceMs;
  refusals.push(
    ...driftRefusals(source.drift),
    ...retentionRefusals(followMs, await logKeptMs(deps, tenant)),
    ...place.refusals,
  );
  const { freeDiskBytes } = place;
  const pauseMs = (await usualPauseMs(service)) ?? PROMISED_PAUSE_MS;
  return { ...plan, refusals, size: { ...measures, estimate, freeDiskBytes, pauseMs } };
}

function costOf({ home, costs }: MovingTenant, to: Tier, toCell: string | undefined): MovePlan["cost"] {
  // Nowhere to go to: a shared cell is known before, a dedicated one is made.
  if (home === undefined || (to === "shared" && toCell === undefined)) return undefined;
  return { beforeUsdPerMonth: costs[home.tier], afterUsdPerMonth: costs[to] };
}

async function copyRate(
  { catalog }: PlanDeps,
  { readRowsPerSecond }: SourceLook,
): Promise<Pick<MoveSize, "copyRowsPerSecond" | "copyRateFrom">> {
  const last = await lastCopyRate(catalog.service);
  if (last !== undefined) return { copyRowsPerSecond: last, copyRateFrom: "last-move" };
  return readRowsPerSecond === undefined
    ? { copyRowsPerSecond: DEFAULT_ROWS_PER_SECOND, copyRateFrom: "default" }
    : { copyRowsPerSecond: Math.round(readRowsPerSecond * WRITTEN_PER_READ), copyRateFrom: "sample" };
}

/** A shared cell is there to be looked at; a server that is claimed is looked at when it is known which. */
async function lookAtPlace(
  { secrets, home, dedicatedCellUrls }: PlanDeps,
  source: SourceLook,
  toCell: string | undefined,
  { tenant, target }: PlanRequest,
): Promise<TargetLook> {
  if (target.tier === "dedicated" && dedicatedCellUrls.length === 0) {
    const { bavail, bsize } = await statfs(home);
    const freeDiskBytes = bavail * bsize;
    return { refusals: diskRefusals(diskNeeded(source.size), freeDiskBytes), freeDiskBytes };
  }
  if (toCell === undefined) return { refusals: [], freeDiskBytes: undefined };
  const secret = await readCellSecret(secrets, toCell);
  return secret === undefined
    ? { refusals: [unreachable("target")], freeDiskBytes: undefined }
    : lookAtTarget(source, secret, tenant);
}

/** Of the partition that holds its records for the shortest time. */
async function logKeptMs({ catalog, log }: PlanDeps, tenant: TenantId): Promise<number> {
  const topics = (await placementOf(catalog.service, tenant))?.topics ?? [];
  const partitions = topics
    .filter(({ stream }) => stream === "readings")
    .flatMap(({ topic, partitions: count }) =>
      Array.from({ length: count }, (_, partition) => ({ topic, partition })),
    );
  const nowMs = Date.now();
  return Math.min(...(await Promise.all(partitions.map((partition) => keptMs(log, partition, nowMs)))));
}
