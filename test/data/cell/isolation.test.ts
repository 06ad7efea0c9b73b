import { expect } from "chai";
import type pg from "pg";
import { openIngestPool } from "../../../data/cell/cell-pool.ts";
import type { CellSecret } from "../../../data/cell/cell-secret.ts";
import { readEdition } from "../../../data/cell/edition.ts";
import { Memory } from "../../../handlers/ingest/memory.ts";
import { prepareBatch } from "../../../handlers/ingest/prepare.ts";
import { storeSafely } from "../../../handlers/ingest/store-safely.ts";
import { tenantNames, type TenantId } from "../../../model/tenant.ts";
import { asCellRole, asTenantReader, partitionsOf, testCell, testTenant } from "../../support/cell.ts";
import { logRecord } from "../../support/log-records.ts";
import { noHistory } from "../../support/machines.ts";

const DENIED = "42501";

describe("tenants of one cell, by SQL", () => {
  let secret: CellSecret;
  let acme: TenantId;
  let globex: TenantId;

  before(async () => {
    secret = await testCell();
    [acme, globex] = [await testTenant(secret, "iso-acme"), await testTenant(secret, "iso-globex")];
    const pool = openIngestPool(secret, "test");
    const batch = await prepareBatch([logRecord(acme, 0, 0), logRecord(globex, 0, 0)], noHistory);
    await storeSafely(
      { pool, memory: new Memory(), epochOf: () => 1n, alarm: ({ error }) => expect.fail(String(error)) },
      batch,
    );
    await pool.end();
  });

  const table = (tenant: TenantId) => `${tenantNames(tenant).schema}.machine_telemetry`;

  async function denied(client: pg.Client, sql: string) {
    await client.query(sql).then(
      () => expect.fail(`was allowed: ${sql}`),
      (error: unknown) => expect(error, sql).to.include({ code: DENIED }),
    );
  }

  it("lets a reader read its own series", () =>
    asTenantReader(secret, acme, async (client) => {
      expect((await client.query(`select from ${table(acme)}`)).rowCount).to.equal(1);
    }));

  it("lets a reader do nothing else", () =>
    asTenantReader(secret, acme, async (client) => {
      const { owner, writer, reader } = tenantNames(globex);
      const [partition] = await partitionsOf(secret, globex);
      for (const sql of [
        `select from ${table(globex)}`,
        `select from ${partition!.name}`,
        `insert into ${table(acme)} (time, machine_id, log_ref, ordinal) values (now(), 'm', 1, 1)`,
        `delete from ${table(acme)}`,
        `create table ${tenantNames(acme).schema}.mine (x int)`,
        "select from millwright.fence",
        "select from millwright.log_position",
        "select millwright.ensure_partitions('iso-acme', 'machine_telemetry', '{2020-01-01}')",
        `set role ${owner}`,
        `set role ${writer}`,
        `set role ${reader}`,
        "set role millwright_ingest",
        "create table public.mine (x int)",
        "select lo_creat(-1)",
        "select lo_from_bytea(0, 'x')",
        "set temp_file_limit = -1",
      ])
        await denied(client, sql);
      const { rows } = await client.query<{ limit: string }>(
        "select current_setting('temp_file_limit') as limit",
      );
      expect(rows).to.deep.equal([{ limit: "1GB" }]);
    }));

  it("lets no reader take an advisory lock, in any of the functions' forms", async () => {
    const { rows } = await asCellRole(secret, "admin", (client) =>
      client.query<{ name: string; reader: boolean; query: boolean; ingest: boolean }>(
        `select oid::regprocedure::text as name,
                has_function_privilege('tenant_iso_acme_reader', oid, 'execute') as reader,
                has_function_privilege('millwright_query', oid, 'execute') as query,
                has_function_privilege('millwright_ingest', oid, 'execute') as ingest
           from pg_proc where pronamespace = 'pg_catalog'::regnamespace and proname like '%advisory%'`,
      ),
    );
    expect(rows).to.have.length.greaterThan(10);
    expect(rows.filter(({ reader, ingest }) => reader || !ingest)).to.deep.equal([]);
    // who handles dead letters turns away from a tenant that is being moved; nothing else
    expect(rows.filter(({ query }) => query).map(({ name }) => name)).to.deep.equal([
      "pg_try_advisory_xact_lock_shared(bigint)",
    ]);
    await asTenantReader(secret, acme, (client) => denied(client, "select pg_advisory_lock(1)"));
  });

  it("lets a tenant's roles call nothing of TimescaleDB that changes chunks or measures others' tables", async function () {
    const { rung } = await asCellRole(secret, "admin", readEdition);
    if (rung === "plain") return; // the run on TimescaleDB asks
    for (const run of [
      (work: (client: pg.Client) => Promise<void>) => asTenantReader(secret, acme, work),
      (work: (client: pg.Client) => Promise<void>) => asCellRole(secret, "query", work),
      (work: (client: pg.Client) => Promise<void>) => asCellRole(secret, "ingest", work),
    ])
      await run(async (client) => {
        for (const sql of [
          `select drop_chunks('${table(acme)}', now())`,
          `select set_chunk_time_interval('${table(acme)}', interval '1 hour')`,
          "select _timescaledb_functions.hypertable_local_size('tenant_iso_globex', 'machine_telemetry')",
          "select _timescaledb_functions.stop_background_workers()",
          "select timescaledb_pre_restore()",
          "select _timescaledb_functions.chunk_index_replace(1, 2)",
          "call _timescaledb_functions.cagg_migrate_update_watermark(1)",
          "create table public.mine (time timestamptz not null)",
          "select millwright.ensure_native_partitions('iso-acme', 'machine_telemetry', '{2020-01-01}')",
        ])
          await denied(client, sql);
      });
  });

  it("lets a reader ask in buckets of time", async () => {
    const { rung } = await asCellRole(secret, "admin", readEdition);
    if (rung === "plain") return;
    await asTenantReader(secret, acme, async (client) => {
      const { rows } = await client.query<{ count: bigint }>(
        `select time_bucket('1 hour', time) as hour, count(*) from ${table(acme)} group by 1`,
      );
      expect(rows.map(({ count }) => count)).to.deep.equal([1n]);
    });
  });

  it("lets the query login read nothing before it becomes a tenant's reader", () =>
    asCellRole(secret, "query", async (client) => {
      await denied(client, `select from ${table(acme)}`);
      await client.query("begin");
      await client.query(`set local role ${tenantNames(acme).reader}`);
      expect((await client.query(`select from ${table(acme)}`)).rowCount).to.equal(1);
      await denied(client, `select from ${table(globex)}`);
      await client.query("rollback");
      await denied(client, `set role ${tenantNames(acme).owner}`);
      await denied(client, "update millwright.fence set epoch = 9");
    }));

  it("lets ingestion add rows, but change or delete none, and raise no fence", () =>
    asCellRole(secret, "ingest", async (client) => {
      for (const sql of [
        `delete from ${table(acme)}`,
        `update ${table(acme)} set machine_id = 'x'`,
        `truncate ${table(acme)}`,
        `drop table ${table(acme)}`,
        "update millwright.fence set epoch = 9",
        "delete from millwright.log_position",
        "delete from millwright.dirty_mark",
      ])
        await denied(client, sql);
    }));
});
