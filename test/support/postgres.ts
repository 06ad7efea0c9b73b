import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import {
  createCluster,
  removeCluster,
  startCluster,
  type ClusterAddress,
} from "../../data/postgres-cluster/cluster.ts";
import { identifier, type DatabaseAddress } from "../../data/pool.ts";
import { removeRealServers, sharedTimescale, usesRealServices } from "./real-services.ts";

let shared: Promise<{ folder: string; address: ClusterAddress }> | undefined;

/** One real PostgreSQL cluster for all tests of this process, on a free port; stopped and deleted at the end. */
export async function testCluster(): Promise<ClusterAddress> {
  shared ??= (async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "millwright-test-"));
    const cluster = path.join(folder, "cluster");
    await createCluster(cluster, { settings: { shared_buffers: "'64MB'" } });
    return { folder, address: await startCluster(cluster) };
  })();
  return (await shared).address;
}

/** A new empty database of the test cluster: every suite gets its own. */
export async function testDatabase(): Promise<DatabaseAddress> {
  return newDatabase(await testCluster());
}

/** The same on the server that cells stand on in this run: TimescaleDB, or the test cluster. */
export async function testCellDatabase(): Promise<DatabaseAddress> {
  return usesRealServices ? newDatabase(await sharedTimescale()) : testDatabase();
}

let count = 0;

async function newDatabase(server: ClusterAddress): Promise<DatabaseAddress> {
  const database = `test_${process.pid}_${++count}`;
  const client = new pg.Client({ ...server, database: "postgres" });
  await client.connect();
  await client.query(`create database ${identifier(database)}`);
  await client.end();
  return { ...server, database };
}

/** Root hook: registered through .mocharc.json. */
export const mochaHooks = {
  async afterAll(): Promise<void> {
    await removeRealServers();
    if (shared === undefined) return;
    const { folder } = await shared;
    await removeCluster(path.join(folder, "cluster"));
    await rm(folder, { recursive: true, force: true });
  },
};
