import { expect } from "chai";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import { openQueryPool } from "../../../data/cell/cell-pool.ts";
import { readEdition } from "../../../data/cell/edition.ts";
import { sampleUsage } from "../../../data/cell/sample-usage.ts";
import type { CellSecret } from "../../../data/cell/cell-secret.ts";
import { createCluster, removeCluster, startCluster } from "../../../data/postgres-cluster/cluster.ts";
import { queryReadings } from "../../../handlers/query/process.ts";
import { tenantNames, type TenantId } from "../../../model/tenant.ts";
import { asCellRole, asTenantReader, prepareTestCell, testCell, testTenant } from "../../support/cell.ts";

interface Sample {
  readonly tenant: string;
  readonly queries: number | null;
  readonly ms: number | null;
  readonly bytes: number | null;
}

describe("sampling what a database says of its tenants", () => {
  /** All minutes together: a sample may fall into the next one. */
  const samplesOf = (secret: CellSecret) =>
    asCellRole(secret, "admin", async (client) => {
      const { rows } = await client.query<Sample>(
        `select tenant, sum(direct_query_count)::float8 as queries, sum(direct_query_ms) as ms,
                max(storage_bytes)::float8 as bytes from millwright.database_usage group by tenant order by tenant`,
      );
      return rows;
    });
  const sample = (secret: CellSecret, measuresStorage = false) =>
    asCellRole(secret, "admin", (client) => sampleUsage(client, measuresStorage));

  it("measures the room of tables, partitions, chunks and indexes, of tenants that are at home", async () => {
    const secret = await testCell();
    const [acme, globex] = [await testTenant(secret, "size-acme"), await testTenant(secret, "size-globex")];
    await testTenant(secret, "size-shadow", { role: "shadow" });
    await sample(secret, true);
    const empty = await samplesOf(secret);
    expect(empty.map(({ tenant }) => tenant)).to.deep.equal([acme, globex]);
    await asCellRole(secret, "admin", async (client) => {
      const schema = tenantNames(acme).schema;
      const { rung } = await readEdition(client);
      if (rung === "plain")
        await client.query(
          "select millwright.ensure_partitions($1, 'machine_telemetry', array['2026-11-20']::date[])",
          [acme],
        );
      await client.query(
        `insert into ${schema}.machine_telemetry (time, machine_id, log_ref, ordinal)
         select '2026-11-20T00:00Z'::timestamptz + n * interval '1 s', 'm', n, 0 from generate_series(1, 20000) n`,
      );
    });
    await sample(secret, true);
    const [full, still] = await samplesOf(secret);
    expect(full?.bytes).to.be.greaterThan((empty[0]?.bytes ?? 0) + 1_000_000);
    expect(still?.bytes).to.equal(empty[1]?.bytes);
  });

  describe("on a server that keeps statistics of statements", () => {
    let folder: string;
    let secret: CellSecret;
    let acme: TenantId;
    before(async () => {
      folder = await mkdtemp(path.join(tmpdir(), "millwright-statistics-"));
      const cluster = path.join(folder, "cluster");
      const settings = { shared_preload_libraries: "'pg_stat_statements'", shared_buffers: "'16MB'" };
      await createCluster(cluster, { settings });
      const address = await startCluster(cluster);
      const admin = new pg.Client({ ...address, database: "postgres" });
      await admin.connect();
      await admin.query("create database readings").finally(() => admin.end());
      secret = await prepareTestCell({ ...address, database: "readings" });
      acme = await testTenant(secret, "stat-acme");
      await testTenant(secret, "stat-globex");
    });
    after(async () => {
      await removeCluster(path.join(folder, "cluster"));
      await rm(folder, { recursive: true });
    });

    it("counts what direct readers asked since the last sample, and not what the API asked as them", async () => {
      await asTenantReader(secret, acme, (client) => client.query("select 'before the first sample'"));
      await sample(secret);
      const pool = openQueryPool(secret, "test");
      const deps = { pool, now: Date.now, spent: () => undefined };
      await queryReadings(deps, { tenant: acme, epoch: 1n, type: "machine" }).finally(() => pool.end());
      await asTenantReader(secret, acme, async (client) => {
        await client.query("begin");
        for (let n = 0; n < 7; n++)
          await client.query(
            "select count(*), pg_sleep(0.01) from machine_telemetry".replace(
              "machine",
              `${tenantNames(acme).schema}.machine`,
            ),
          );
        await client.query("commit");
      });
      await sample(secret);
      await sample(secret);
      const [ofAcme, ofGlobex] = await samplesOf(secret);
      expect([ofAcme?.queries, ofGlobex?.queries]).to.deep.equal([7, 0]);
      expect(ofAcme?.ms).to.be.greaterThan(70);
      expect(ofAcme?.bytes).to.equal(null);
    });

    it("goes on after the statistics were reset", async () => {
      const [before] = await samplesOf(secret);
      await asCellRole(secret, "admin", (client) =>
        client.query("select millwright.pg_stat_statements_reset()"),
      );
      await asTenantReader(secret, acme, (client) => client.query("select 1"));
      await sample(secret);
      const [after] = await samplesOf(secret);
      expect((after?.queries ?? 0) - (before?.queries ?? 0)).to.equal(1);
    });

    it("shows a tenant nothing of it", async () => {
      const error: unknown = await asTenantReader(secret, acme, (client) =>
        client.query("select * from millwright.pg_stat_statements").catch((cause: unknown) => cause),
      );
      expect(String(error)).to.match(/permission denied/);
    });
  });

  it("says nothing of queries where the server keeps no statistics", async function () {
    const secret = await testCell();
    await testTenant(secret, "nostat-acme");
    const has = await asCellRole(secret, "admin", async (client) => {
      const { rows } = await client.query<{ loaded: string }>(
        "select current_setting('shared_preload_libraries') as loaded",
      );
      return rows[0]?.loaded.includes("pg_stat_statements");
    });
    await sample(secret);
    await sample(secret, true);
    const [only] = await samplesOf(secret);
    if (has === true) expect(only?.queries).to.equal(0);
    else expect(only?.queries).to.equal(null);
    expect(only?.bytes).to.be.a("number");
  });
});
