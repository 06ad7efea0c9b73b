import { expect } from "chai";
import fc from "fast-check";
import pg from "pg";
import { openIngestPool } from "../../../data/cell/cell-pool.ts";
import type { CellSecret } from "../../../data/cell/cell-secret.ts";
import { lockTenant } from "../../../data/cell/fence.ts";
import { dayOf, ensurePartitions } from "../../../data/cell/partitions.ts";
import { dropTenantRows, prepareCell, prepareTenant } from "../../../data/cell/prepare-cell.ts";
import { tenantId, topicName, type TenantId } from "../../../model/tenant.ts";
import { asCellRole, makeTenantSchema, testCell, testTenant } from "../../support/cell.ts";
import { seed } from "../../support/seed.ts";

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

  const ranges = (schema: string) =>
    admin<{ name: string; bounds: string }>(
      `select relname as name, pg_get_expr(relpartbound, c.oid) as bounds
         from pg_inherits join pg_class c on c.oid = inhrelid
        where inhparent = '${schema}.machine_telemetry'::regclass order by relname`,
    );

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

  it("cuts old readings by years and this year's by the tenant's width", async () => {
    const tenant = await testTenant(secret, "prep-width");
    await admin("update millwright.series set fine_from = '2026-01-01' where tenant = $1", [tenant]);
    const days = ["2011-05-05", "2011-12-31", "2025-12-31", "2026-02-01", "2026-02-28"].map((day) =>
      dayOf(Date.parse(day)),
    );
    await ensurePartitions(pool, tenant, "machine", days);
    await ensurePartitions(pool, tenant, "machine", days);
    expect((await ranges("tenant_prep_width")).map(({ name }) => name)).to.deep.equal([
      "machine_telemetry_20110101",
      "machine_telemetry_20250101",
      "machine_telemetry_20260201",
    ]);
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
