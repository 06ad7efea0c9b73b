import type pg from "pg";
import { asCellAdmin } from "../../data/cell/cell-admin.ts";
import type { CellSecret } from "../../data/cell/cell-secret.ts";
import { freeDiskBytes } from "../../data/cell/free-disk.ts";
import { sampleCopy } from "../../data/cell/move/sample-copy.ts";
import { schemaDrift } from "../../data/cell/move/schema-drift.ts";
import { leftovers, serverFacts } from "../../data/cell/move/target-facts.ts";
import { tenantSize, type TenantSize } from "../../data/cell/tenant-size.ts";
import { isOutage } from "../../data/pool.ts";
import { diskNeeded } from "../../model/move-estimate.ts";
import { diskRefusals, refusal, type MoveRefusal } from "../../model/move-gate.ts";
import {
  driftRefusals,
  emptinessRefusals,
  versionRefusals,
  type ServerFacts,
} from "../../model/target-gate.ts";
import type { TenantId } from "../../model/tenant.ts";

/** Nobody waits for a look; a server that takes longer has other troubles, and is no place to move to or from. */
const AS_PLANNER = {
  applicationName: "millwright-plan",
  lockTimeoutMs: 5_000,
  statementTimeoutMs: 15_000,
};

/** What a tenant's home says of it. */
export interface SourceLook {
  readonly server: ServerFacts;
  readonly size: TenantSize;
  /** In what its schema differs from what is made today. */
  readonly drift: readonly string[];
  /** Of a short copy to nowhere; undefined where there is too little to copy. */
  readonly readRowsPerSecond: number | undefined;
}

/** Fewer rows say nothing of a rate. */
const LEAST_SAMPLED_ROWS = 1_000;

/** @returns undefined when the cell does not answer */
export async function lookAtSource(source: CellSecret, tenant: TenantId): Promise<SourceLook | undefined> {
  return look(source, async (client) => {
    const drift = await schemaDrift(client, tenant);
    // A table that is not as it should be cannot be read as it should.
    const sample = drift.length > 0 ? undefined : await sampleCopy(client, tenant);
    return {
      ...{ server: await serverFacts(client), size: await tenantSize(client, tenant), drift },
      readRowsPerSecond:
        sample === undefined || sample.rowCount < LEAST_SAMPLED_ROWS
          ? undefined
          : (sample.rowCount / sample.elapsedMs) * 1_000,
    };
  });
}

/**
 * Whether a target that is there can take what the source holds. To be asked before anything of the tenant is made in it.
 * @returns every reason against it, none when it may be
 */
export async function targetRefusals(
  source: CellSecret,
  target: CellSecret,
  tenant: TenantId,
): Promise<readonly MoveRefusal[]> {
  const there = await lookAtSource(source, tenant);
  if (there === undefined) return [unreachable("source")];
  const { refusals } = await lookAtTarget(there, target, tenant);
  return [...driftRefusals(there.drift), ...refusals];
}

/** What stands against a target, and what it has free. */
export interface TargetLook {
  readonly refusals: readonly MoveRefusal[];
  /** undefined: it does not say */
  readonly freeDiskBytes: number | undefined;
}

/** The part of {@link targetRefusals} that is about the target. */
export async function lookAtTarget(
  { server, size }: SourceLook,
  target: CellSecret,
  tenant: TenantId,
): Promise<TargetLook> {
  const seen = await look(target, async (client) => {
    const freeBytes = await freeDiskBytes(client);
    const refusals = [
      ...versionRefusals(server, await serverFacts(client)),
      ...emptinessRefusals(await leftovers(client, tenant)),
      ...diskRefusals(diskNeeded(size), freeBytes),
    ];
    return { refusals, freeDiskBytes: freeBytes };
  });
  return seen ?? { refusals: [unreachable("target")], freeDiskBytes: undefined };
}

export function unreachable(side: "source" | "target"): MoveRefusal {
  const whose = side === "source" ? "The database that the tenant is in" : "The database that it is to go to";
  return refusal(
    `${side}-unreachable`,
    `${whose} does not answer; see that its server runs and can be reached.`,
  );
}

async function look<T>(cell: CellSecret, work: (client: pg.Client) => Promise<T>): Promise<T | undefined> {
  try {
    return await asCellAdmin(cell, AS_PLANNER, work);
  } catch (error) {
    if (isOutage(error) || isRefusedLogin(error)) return undefined;
    throw error;
  }
}

/** Another server at the same address, or one whose passwords were changed. */
function isRefusedLogin(error: unknown): boolean {
  return /^(28|3D000)/.test(String((error as { code?: unknown }).code));
}
