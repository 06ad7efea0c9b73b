import { expect } from "chai";
import fc from "fast-check";
import pg from "pg";
import { openIngestPool } from "../../../data/cell/cell-pool.ts";
import type { CellSecret } from "../../../data/cell/cell-secret.ts";
import { readEdition } from "../../../data/cell/edition.ts";
import { lockTenant } from "../../../data/cell/fence.ts";
import { dayOf, ensurePartitions } from "../../../data/cell/partitions.ts";
import { dropTenantRows, prepareCell, prepareTenant } from "../../../data/cell/prepare-cell.ts";
import { tenantId, topicName, type TenantId } from "../../../model/tenant.ts";
import { asCellRole, makeTenantSchema, partitionsOf, testCell, testTenant } from "../../support/cell.ts";
import { seed } from "../../support/seed.ts";
import { skipBecause } from "../../support/skip.ts";

describe("preparing a cell and its tenants", () => {
  let secret: CellSecret;
  let pool: pg.Pool;
  before(async () => {
    secret = await testCell();
    await prepareCell(secret); // again: everything below holds after a repetition
    pool = openIngestPool(secret, "test");
  });
  after(() => pool.end());

  const admin = <Row extends pg.QueryResultRow>(sql: string, values: unknown[] = []) =>
    asCellRole(secret, "admin", async (client) => (await client.query<Row>(sql, values)).rows);

  const facts = (tenant: TenantId) => ({
    ...{ tenant, machines: 15, epoch: 1n, role: "primary" as const },
    topics: [{ topic: topicName(tenant, "readings", 1), partitions: 3 }],
  });

  it("makes a tenant's tables, fence and positions once, whoever repeats it and however many at once", async () => {
    const tenant = tenantId.parse("prep-twice");
    await makeTenantSchema(secret, tenant);
    await Promise.all([prepareTenant(secret, facts(tenant)), prepareTenant(secret, facts(tenant))]);
    const tables = await admin<{ relname: string; owner: string }>(
      `select relname, relowner::regrole::text as owner from pg_class
        where relnamespace = 'tenant_prep_twice'::regnamespace and relkind in ('r', 'p') order by 1`,
    );
    expect(tables.map(({ relname }) => relname)).to.deep.equal([
      ...["aggregated_metrics", "air_quality", "energy_monitoring", "job_scan_events", "machine_telemetry"],
    ]);
    expect(new Set(tables.map(({ owner }) => owner))).to.deep.equal(new Set(["tenant_prep_twice_owner"]));
    const positions = await admin("select from millwright.log_position where tenant = $1", [tenant]);
    expect(positions).to.have.length(3);
  });

  it("gives series of a former release the column for quality", async () => {
    await testTenant(secret, "prep-former");
    const { schema } = { schema: "tenant_prep_former" };
    const tables = ["machine_telemetry", "energy_monitoring", "air_quality", "job_scan_events"];
    for (const table of tables) await admin(`alter table ${schema}.${table} drop column quality`);
    await admin("delete from millwright.schema_migration where name like '%flag-quality'");
    await prepareCell(secret);
    const columns = await admin(
      `select from information_schema.columns where table_schema = '${schema}' and column_name = 'quality'`,
    );
    expect(columns).to.have.length(tables.length);
  });

  it("leaves a position and a fence that have moved on as they are", async () => {
    const tenant = await testTenant(secret, "prep-moved");
    await admin("update millwright.log_position set next_offset = 7 where tenant = $1", [tenant]);
    await admin("update millwright.fence set epoch = 5 where tenant = $1", [tenant]);
    await prepareTenant(secret, facts(tenant));
    const [fence] = await admin<{ epoch: bigint }>("select epoch from millwright.fence where tenant = $1", [
      tenant,
    ]);
    expect(fence?.epoch).to.equal(5n);
    const offsets = await admin<{ next_offset: bigint }>(
      "select next_offset from millwright.log_position where tenant = $1 order by partition",
      [tenant],
    );
    expect(offsets.map((row) => row.next_offset)).to.deep.equal([7n, 7n, 0n]);
  });

  it("leaves nothing half made when it is ended in the middle", async () => {
    const tenant = tenantId.parse("prep-killed");
    await makeTenantSchema(secret, tenant);
    await asCellRole(secret, "admin", async (holder) => {
      await holder.query("begin");
      await holder.query("lock table millwright.fence in exclusive mode"); // tables are made, the fence is not yet
      const preparing = prepareTenant(secret, facts(tenant)).then(
        () => "made",
        () => "ended",
      );
      while ((await endWaitingPreparer()) === 0);
      expect(await preparing).to.equal("ended");
      await holder.query("rollback");
    });
    expect(await admin("select from millwright.series where tenant = $1", [tenant])).to.deep.equal([]);
    expect(
      await admin("select from pg_class where relnamespace = 'tenant_prep_killed'::regnamespace"),
    ).to.deep.equal([]);
    await prepareTenant(secret, facts(tenant));
    expect(await admin("select from millwright.series where tenant = $1", [tenant])).to.have.length(5);

    async function endWaitingPreparer() {
      const ended = await admin(
        `select pg_terminate_backend(pid) from pg_stat_activity
          where application_name = 'millwright-prepare' and wait_event_type = 'Lock' and datname = current_database()`,
      );
      return ended.length;
    }
  });

  it("drops a tenant's rows, again and again, and no other tenant's", async () => {
    const [gone, stays] = [await testTenant(secret, "prep-gone"), await testTenant(secret, "prep-stays")];
    expect(await dropTenantRows(secret, gone)).to.deep.equal({ fence: 1, log_position: 2, series: 5 });
    expect(await dropTenantRows(secret, gone)).to.deep.equal({});
    expect(await admin("select from millwright.fence where tenant = $1", [gone])).to.deep.equal([]);
    expect(await admin("select from millwright.fence where tenant = $1", [stays])).to.have.length(1);
  });

  it("waits with a drop until nobody stores", async () => {
    const tenant = await testTenant(secret, "prep-busy");
    await asCellRole(secret, "ingest", async (client) => {
      await client.query("begin");
      await lockTenant(client, tenant);
      let isDropped = false;
      const dropping = dropTenantRows(secret, tenant).then(() => (isDropped = true));
      while ((await admin("select from pg_locks where locktype = 'advisory' and not granted")).length === 0);
      expect(isDropped).to.equal(false);
      await client.query("commit");
      await dropping;
    });
  });

  it("cuts old readings by years and this year's by the tenant's width, again and again the same", async () => {
    const tenant = await testTenant(secret, "prep-width");
    await admin("update millwright.series set fine_from = '2026-01-01' where tenant = $1", [tenant]);
    const daysFrom = (date: string, count: number) =>
      Array.from({ length: count }, (_, place) => dayOf(Date.parse(date)) + 10 * place);
    const [old, recent] = [daysFrom("2011-01-05", 365), daysFrom("2026-02-05", 9)];
    for (let pass = 0; pass < 2; pass++) {
      await ensurePartitions(pool, tenant, "machine", [...recent, ...old]);
      const widths = (await partitionsOf(secret, tenant)).map(({ from, to }) => [
        from.getUTCFullYear() < 2021 ? "old" : "recent",
        Math.round((to.getTime() - from.getTime()) / 86_400_000),
      ]);
      // native partitions follow the calendar; chunks have 30 and 360 days, counted from 1970
      expect(widths.filter(([age]) => age === "old").length).to.be.within(10, 12);
      for (const [age, days] of widths)
        expect(days).to.be.oneOf(age === "old" ? [360, 365, 366] : [28, 30, 31]);
      expect(widths.filter(([age]) => age === "recent").length).to.be.within(3, 4);
    }
    expect(await admin("select from tenant_prep_width.machine_telemetry")).to.deep.equal([]);
  });

  it("cuts a hypertable finer when its tenant grows, and native partitions as before", async () => {
    const tenant = await testTenant(secret, "prep-grown");
    const widthOf = async () => {
      const [row] = await admin<{ width: string; is_hypertable: boolean }>(
        "select width, is_hypertable from millwright.series where tenant = $1 and table_name = 'machine_telemetry'",
        [tenant],
      );
      return row;
    };
    expect((await widthOf())?.width).to.equal("month");
    await prepareTenant(secret, { ...facts(tenant), machines: 500 });
    await ensurePartitions(pool, tenant, "machine", [dayOf(Date.now())]);
    const { width, is_hypertable: isHypertable } = (await widthOf())!;
    expect(width).to.equal(isHypertable ? "day" : "month");
    const [partition] = await partitionsOf(secret, tenant);
    const days = (partition!.to.getTime() - partition!.from.getTime()) / 86_400_000;
    expect(days).to.be.oneOf(isHypertable ? [1] : [28, 30, 31]);
  });

  it("keeps what is older than a week in the columnstore, and reads it as before", async function () {
    const { rung } = await asCellRole(secret, "admin", readEdition);
    if (rung !== "timescaledb-community")
      skipBecause(this, "timescaledb-community", `this cell is ${rung}: it has no columnstore`);
    await testTenant(secret, "prep-columns");
    const table = "tenant_prep_columns.machine_telemetry";
    await admin(`insert into ${table} (time, machine_id, log_ref, ordinal, power_watts)
                 select now() - n * interval '1 day', 'm', n, 0, n from generate_series(60, 90) n`);
    const before = await admin(`select * from ${table} order by log_ref`);
    const [job] = await admin<{ job_id: number }>(
      `select job_id from timescaledb_information.jobs
        where hypertable_schema = 'tenant_prep_columns' and hypertable_name = 'machine_telemetry'`,
    );
    await admin(`call run_job(${job!.job_id})`);
    const compressed = await admin(
      "select from timescaledb_information.chunks where hypertable_schema = 'tenant_prep_columns' and is_compressed",
    );
    expect(compressed).not.to.deep.equal([]);
    expect(await admin(`select * from ${table} order by log_ref`)).to.deep.equal(before);
  });

  it("makes room for any day, whatever is there and whoever asks at the same time", async () => {
    let count = 0;
    const anyDay = fc.integer({ min: dayOf(Date.UTC(2023, 0, 1)), max: dayOf(Date.UTC(2027, 0, 1)) });
    const anyCalls = fc.array(fc.array(anyDay, { minLength: 1, maxLength: 4 }), {
      minLength: 1,
      maxLength: 3,
    });
    const anyWidth = fc.constantFrom("day", "month", "year");
    await fc.assert(
      fc.asyncProperty(anyCalls, anyWidth, async (calls, width) => {
        const tenant = await testTenant(secret, `room-${++count}`);
        await admin("update millwright.series set width = $2, fine_from = '2025-01-01' where tenant = $1", [
          tenant,
          width,
        ]);
        await Promise.all(calls.map((days) => ensurePartitions(pool, tenant, "machine", days)));
        await admin(
          `insert into tenant_room_${count}.machine_telemetry (time, machine_id, log_ref, ordinal)
           select to_timestamp(day * 86400::float8), 'm', 0, 0 from unnest($1::int[]) day
           union all select to_timestamp((day + 1) * 86400::float8) - interval '1 ms', 'm', 0, 0 from unnest($1::int[]) day`,
          [calls.flat()],
        );
      }),
      { seed, numRuns: 10 },
    );
  });

  for (const [what, tenant, table] of [
    ["a tenant that is not here", "nobody", "machine_telemetry"],
    ["a table that is no series", "prep-width", "pg_class"],
    ["a name with SQL in it", "prep-width", 'x" (y int); drop table z; --'],
  ] as const) {
    it(`makes no partition for ${what}`, async () => {
      await pool.query("select millwright.ensure_partitions($1, $2, '{2026-01-01}')", [tenant, table]).then(
        () => expect.fail("made"),
        (error: unknown) => expect(error).to.include({ code: "42P01" }),
      );
    });
  }
});
