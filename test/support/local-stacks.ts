import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import type {
  ChangeSummary,
  EngineEvent,
  StackConfig,
  StackSession,
} from "../../automation/engine/engine.ts";
import { REPOSITORY, type EngineLayout } from "../../automation/engine/layout.ts";
import { prepareEngine } from "../../automation/engine/prepare.ts";
import { pulumiEngine } from "../../automation/engine/pulumi-engine.ts";
import type { CellSecret } from "../../data/cell/cell-secret.ts";
import { isClusterRunning, removeCluster } from "../../data/postgres-cluster/cluster.ts";
import { inheritedEnvironment } from "../../environment.ts";
import type { TenantTopics } from "../../model/tenant-log.ts";
import { buildPolicyPack } from "../../policy/bundle.ts";

/** What a run did, or would do, with a resource. */
export type ResourceChange = NonNullable<EngineEvent["resource"]>;

export type LocalStacks = Awaited<ReturnType<typeof localStacks>>;

/** The real stacks under the real engine and policy pack, in an installation of their own. */
export async function localStacks() {
  const home = await mkdtemp(path.join(tmpdir(), "millwright-stacks-"));
  // The pack finds the SDK by walking up to the repository's node_modules; dist/ would be wiped by a build meanwhile.
  const cache = path.join(REPOSITORY, "node_modules", ".cache");
  await mkdir(cache, { recursive: true });
  const policyPackDir = await mkdtemp(path.join(cache, "millwright-policy-"));
  await buildPolicyPack(policyPackDir);
  const inherited = inheritedEnvironment();
  const prepared = await prepareEngine({ home, inherited, progress: (line) => console.error(line) });
  const engine = pulumiEngine({ prepared, policyPackDir });
  let fencingToken = 0n;

  /** Opens a session, does `work`, closes it: one child process, as an operation has. `changes` grows with each run. */
  const session = async <T>(
    stack: string,
    config: StackConfig,
    work: (session: StackSession, changes: readonly ResourceChange[]) => Promise<T>,
  ) => {
    const changes: ResourceChange[] = [];
    const onEvent = ({ resource }: EngineEvent) => resource && changes.push(resource);
    const opened = await engine.open({ stack, config, fencingToken: ++fencingToken, onEvent });
    try {
      return await work(opened, changes);
    } finally {
      await opened.close();
    }
  };
  const cellFolder = (name: string) => path.join(home, "cells", name);

  return {
    engine,
    layout: prepared.layout,
    session,
    cellFolder,
    platformConfig: (isProtected = true): StackConfig => ({
      "millwright:home": home,
      "millwright:cells": JSON.stringify([{ name: "shared-1", tenantCapacity: 100 }]),
      "millwright:isProtected": JSON.stringify(isProtected),
    }),
    tenantConfig: (id: string, homes: readonly TenantHome[], facts: TenantFacts = {}): StackConfig => ({
      "millwright:home": home,
      ...tenantStackConfig(id, homes, facts),
    }),
    remove: async () => {
      const cells = await readdir(path.join(home, "cells")).catch(() => []);
      for (const name of cells) {
        if (await isClusterRunning(cellFolder(name))) await removeCluster(cellFolder(name));
      }
      await rm(home, { recursive: true, force: true });
      await rm(policyPackDir, { recursive: true, force: true });
    },
  };
}

/** What a tenant's stack is told, whatever its target. */
export function tenantStackConfig(
  id: string,
  homes: readonly TenantHome[],
  facts: TenantFacts = {},
): StackConfig {
  return {
    "millwright:environment": "development",
    "millwright:tenant": JSON.stringify({
      id,
      topics: topicsOf(id),
      ...(facts.rotation === undefined ? {} : { rotation: facts.rotation }),
      homes: homes.map(({ cell, isProtected = true }) => ({
        cell,
        tier: cell.startsWith("shared-") ? "shared" : "dedicated",
        isProtected,
      })),
    }),
    ...(facts.dedicatedTenantCount === undefined
      ? {}
      : { "millwright:dedicatedTenantCount": `${facts.dedicatedTenantCount}` }),
    ...Object.fromEntries(
      homes.flatMap(({ cell, url }) =>
        url === undefined ? [] : [[`millwright:cellUrl-${cell}`, { secret: url }]],
      ),
    ),
  };
}

function topicsOf(tenant: string): TenantTopics {
  return [
    { topic: `${tenant}.alerts.g1`, stream: "alerts", partitions: 1 },
    { topic: `${tenant}.deadletters.g1`, stream: "deadletters", partitions: 1 },
    { topic: `${tenant}.readings.g1`, stream: "readings", partitions: 2 },
  ];
}

/** `shared-1`, or any other name for a cell of the tenant's own. */
export interface TenantHome {
  readonly cell: string;
  /** true when left out */
  readonly isProtected?: boolean;
  /** Superuser's URL of an external server. */
  readonly url?: string;
}

export interface TenantFacts {
  readonly dedicatedTenantCount?: number;
  readonly rotation?: number;
}

/** True when a run found nothing to create, update, replace or delete. */
export function isUnchanged(summary: ChangeSummary): boolean {
  return Object.entries(summary).every(([op, count]) => op === "same" || count === 0);
}

export function stateFileOf(layout: EngineLayout, stack: string): string {
  return path.join(layout.state, ".pulumi", "stacks", "millwright", `${stack}.json`);
}

type Login = Pick<CellSecret["admin"], "user" | "password">;

/** Runs `statements` in one connection as a role of the cell; the last one's rows, or the SQLSTATE of the first that fails. */
export async function runAs(
  cell: CellSecret,
  login: Login,
  statements: readonly string[],
  database = cell.database,
) {
  const client = new pg.Client({ host: cell.host, port: cell.port, database, ...login });
  client.on("error", () => undefined);
  try {
    await client.connect();
    let rows: readonly Record<string, unknown>[] = [];
    for (const statement of statements) ({ rows } = await client.query<Record<string, unknown>>(statement));
    return rows;
  } catch (error) {
    if (error instanceof pg.DatabaseError) return error.code;
    throw error;
  } finally {
    await client.end().catch(() => undefined);
  }
}
