import { existsSync } from "node:fs";
import path from "node:path";
import {
  clusterAddress,
  createCluster,
  removeCluster,
  startCluster,
} from "../../data/postgres-cluster/cluster.ts";
import { openPool } from "../../data/pool.ts";
import { MillwrightError } from "../../model/errors.ts";
import { resourceType } from "../plugin.ts";

/**
 * `millwright:index:Cell`: a PostgreSQL cluster in `folder` that listens on loopback only. Outputs `host`, `port`,
 * `user` and `password` of its superuser. Its data outlives everything but a delete; whether it runs at the moment is
 * the supervisor's business and no part of the state.
 */
export const cell = resourceType({
  properties: { folder: { kind: "text", isRequired: true, replaces: true } },

  async create(_context: undefined, { folder }) {
    if (!path.isAbsolute(folder))
      throw new MillwrightError("cluster-failed", `The cell's folder '${folder}' is not absolute.`);
    // What direct readers ask is metered from the server's own statistics.
    await createCluster(folder, { settings: { shared_preload_libraries: "'pg_stat_statements'" } });
    const address = await startCluster(folder);
    const pool = openPool(
      { ...address, database: "postgres" },
      { max: 1, applicationName: "millwright-cell" },
    );
    try {
      // A tenant's login may enter the database of its cell and no other.
      await pool.query("revoke all on database postgres, template1 from public");
    } finally {
      await pool.end();
    }
    return { id: path.basename(folder), state: { folder, ...address } };
  },

  async read(_context: undefined, { folder }) {
    return isCluster(folder) ? { folder, ...(await clusterAddress(folder)) } : undefined;
  },

  async delete(_context: undefined, { folder }) {
    // The state could be edited by hand; what is deleted recursively must at least look like a cluster.
    if (existsSync(folder) && !isCluster(folder))
      throw new MillwrightError(
        "cluster-failed",
        `${folder} is not a PostgreSQL cluster: nothing is deleted.`,
      );
    await removeCluster(folder);
  },
});

function isCluster(folder: string): boolean {
  return existsSync(path.join(folder, "PG_VERSION"));
}
