import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import path from "node:path";
import type { Logger } from "pino";
import { isClusterRunning, startCluster, stopCluster } from "../../data/postgres-cluster/cluster.ts";

const CHECK_INTERVAL_MS = 1_000; // a dead database pauses its tenants until it is seen: one more second of backlog

/** Keeps the processes of the embedded clusters up; their folders, ports and logins belong to Pulumi. */
export interface ClusterKeeper {
  /** Starts every cluster that is there; a new one is looked after from the next check on. */
  readonly startAll: () => Promise<void>;
  readonly stopAll: () => Promise<void>;
}

/** @param folders - clusters outside `cells/`, such as the catalog's */
export function keepClusters(home: string, folders: readonly string[], logger: Logger): ClusterKeeper {
  const cells = path.join(home, "cells");
  const all = async () => {
    const names = await readdir(cells).catch(() => []);
    return [...folders, ...names.filter((name) => !name.includes(".")).map((name) => path.join(cells, name))];
  };
  let isStopping = false;
  let check = Promise.resolve();
  const reviveDead = async () => {
    for (const folder of await all()) {
      if (isStopping || !(await isDown(folder))) continue;
      await startCluster(folder).then(
        () => logger.warn({ cluster: path.basename(folder) }, "cluster was down and is up again"),
        (error: unknown) =>
          logger.error({ cluster: path.basename(folder), error: String(error) }, "cluster does not start"),
      );
    }
  };
  let timer: NodeJS.Timeout | undefined;
  return {
    async startAll() {
      await Promise.all((await all()).map((folder) => startCluster(folder)));
      timer ??= setInterval(() => {
        check = check.then(reviveDead);
      }, CHECK_INTERVAL_MS);
    },
    async stopAll() {
      isStopping = true;
      clearInterval(timer);
      await check;
      await Promise.all((await all()).map((folder) => stopCluster(folder)));
    },
  };
}

/** A folder without PG_VERSION is being made or removed by the engine: not ours to start. */
async function isDown(folder: string): Promise<boolean> {
  return existsSync(path.join(folder, "PG_VERSION")) && !(await isClusterRunning(folder));
}
