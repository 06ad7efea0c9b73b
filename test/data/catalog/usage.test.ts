import { expect } from "chai";
import fc from "fast-check";
import pg from "pg";
import { inTenant } from "../../../data/catalog/catalog.ts";
import { addTenant } from "../../../data/catalog/tenant.ts";
import { listUsage } from "../../../data/catalog/usage.ts";
import {
  countViolations,
  HELD_MINUTES,
  writeMinutes,
  type MeteredMinute,
} from "../../../data/catalog/usage-minute.ts";
import { forgetUsage, rollUpUsage } from "../../../data/catalog/usage-rollup.ts";
import { tenantId, type TenantId } from "../../../model/tenant.ts";
import { startOf } from "../../../model/usage.ts";
import { eventually } from "../../support/eventually.ts";
import { testCatalog, type TestCatalog } from "../../support/catalog.ts";
import { newTenant } from "../../support/operations.ts";
import { seed } from "../../support/seed.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

describe(`usage in the catalog (seed ${seed})`, () => {
  let test: TestCatalog;
  const [acme, globex] = [tenantId.parse("usage-acme"), tenantId.parse("usage-globex")];
  /** Two days ago: rollups are of closed hours, and nothing is forgotten yet. */
  const dayMs = startOf("day", Date.now()) - 2 * DAY_MS;

  before(async () => {
    test = await testCatalog();
    for (const id of [acme, globex]) await addTenant(test.catalog.service, newTenant(id));
  });
  after(() => test.catalog.close());
  const empty = async () => {
    for (const table of ["usage_minute", "usage_hour", "usage_day"])
      await test.catalog.service.query(`delete from ${table}`);
  };
  beforeEach(empty);

  const write = (...minutes: readonly (Partial<MeteredMinute> & { readonly minute: number })[]) =>
    writeMinutes(
      test.catalog.service,
      minutes.map(({ minute, ...rest }) => ({
        ...{ tenant: acme, cell: "shared-1", meter: "ingest", minuteMs: dayMs + minute * MINUTE_MS },
        ...rest,
      })),
    );
  const read = (tenant: TenantId, per: "minute" | "hour" | "day") =>
    inTenant(test.catalog, tenant, (tx) =>
      listUsage(tx, tenant, per, { fromMs: dayMs, toMs: dayMs + DAY_MS }),
    );

  it("adds up to the same by minute, hour and day, whatever came when and how often", async () => {
    const anyMinute = fc.record({
      minute: fc.integer({ min: 0, max: 24 * 60 - 1 }),
      tenant: fc.constantFrom(acme, globex),
      cell: fc.constantFrom("shared-1", "dedicated-1"),
      rowCount: fc.integer({ min: 0, max: 1_000 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(anyMinute, {
          minLength: 1,
          maxLength: 30,
          selector: ({ minute, tenant, cell }) => `${minute} ${tenant} ${cell}`,
        }),
        fc.integer({ min: 0, max: 30 }),
        async (minutes, cut) => {
          await empty();
          await write(...minutes.slice(0, cut));
          await rollUpUsage(test.catalog.service);
          await write(...minutes); // some of them a second time
          await rollUpUsage(test.catalog.service);
          for (const tenant of [acme, globex]) {
            const total = minutes
              .filter((one) => one.tenant === tenant)
              .reduce((sum, { rowCount }) => sum + rowCount, 0);
            for (const per of ["minute", "hour", "day"] as const) {
              const buckets = await read(tenant, per);
              expect(
                buckets.reduce((sum, { rowCount }) => sum + rowCount, 0),
                per,
              ).to.equal(total);
            }
          }
        },
      ),
      { seed, numRuns: 15 },
    );
  });

  it("keeps the larger count of a minute: what an older look brings late changes nothing", async () => {
    await write({ minute: 5, rowCount: 11, byteCount: 1_100 });
    await write({ minute: 5, rowCount: 10, byteCount: 1_000 });
    const [bucket] = await read(acme, "minute");
    expect([bucket?.rowCount, bucket?.byteCount]).to.deep.equal([11, 1_100]);
  });

  it("loses no minute that is written while its hour is summed up", async () => {
    for (let round = 0; round < 20; round++) {
      await Promise.all([
        write({ minute: round, rowCount: 1 }),
        rollUpUsage(test.catalog.service),
        write({ minute: round, rowCount: 1, meter: "database" }),
      ]);
    }
    await rollUpUsage(test.catalog.service);
    expect((await read(acme, "day"))[0]?.rowCount).to.equal(40);
  });

  it("sums up no hour while somebody's minute of it is not committed", async () => {
    await write({ minute: 0, rowCount: 1 }); // marks the hour
    const admin = new pg.Client({ ...test.admin, options: "-c search_path=catalog" });
    await admin.connect();
    try {
      // Whoever writes a minute stands still in its COMMIT for as long as the test wants.
      await admin.query(
        `create function stand_still() returns trigger language plpgsql as
           $$ begin perform pg_advisory_xact_lock_shared(4711); return null; end $$;
         create constraint trigger stand_still after insert on usage_minute
           deferrable initially deferred for each row execute function stand_still();
         select pg_advisory_lock(4711)`,
      );
      const waiting = async () => {
        const { rows } = await admin.query<{ count: number }>(
          "select count(*)::int as count from pg_locks where locktype = 'advisory' and not granted",
        );
        return rows[0]?.count;
      };
      const writing = write({ minute: 1, rowCount: 2 });
      await eventually("the writer commits", async () => (await waiting()) === 1);
      let isSummedUp = false;
      const summing = rollUpUsage(test.catalog.service).then(() => (isSummedUp = true));
      await eventually("the sum waits, or is wrong", async () => isSummedUp || (await waiting()) === 2);
      await admin.query("select pg_advisory_unlock(4711)");
      await Promise.all([writing, summing]);
      await rollUpUsage(test.catalog.service);
      expect((await read(acme, "hour"))[0]?.rowCount).to.equal(3);
    } finally {
      await admin.query(
        "drop trigger if exists stand_still on usage_minute; select pg_advisory_unlock_all()",
      );
      await admin.end();
    }
  });

  it("tells a rate that was held from a burst, also over the full hour", async () => {
    const queries = (from: number, count: number, queryCount: number) =>
      Array.from({ length: count }, (_, n) => ({ minute: from + n, queryCount, meter: "api-1" }));
    await write(...queries(10, HELD_MINUTES - 1, 9_000), ...queries(100, HELD_MINUTES, 3_000));
    // 10 minutes before 03:00 and 5 behind it; a gap of one minute breaks the next one.
    await write(...queries(170, HELD_MINUTES, 600), ...queries(240, 7, 500), ...queries(248, 8, 500));
    await rollUpUsage(test.catalog.service);
    const { rows } = await test.catalog.service.query<{ hour: Date; held: number }>(
      "select hour, held_query_count::int as held from usage_hour order by hour",
    );
    const held = rows.map((row) => [(row.hour.getTime() - dayMs) / HOUR_MS, row.held]);
    expect(held).to.deep.equal([
      [0, 0],
      [1, 3_000],
      [2, 0],
      [3, 600],
      [4, 0],
    ]);
  });

  it("holds the time of a tenant's queries against that of all tenants of its cell", async () => {
    await write(
      { minute: 1, queryMs: 300, meter: "api-1" },
      { minute: 1, directQueryMs: 100, meter: "database" },
      { minute: 2, tenant: globex, queryMs: 600, meter: "api-1" },
      { minute: 2, tenant: globex, queryMs: 5_000, cell: "dedicated-globex", meter: "api-1" },
    );
    await rollUpUsage(test.catalog.service);
    const { rows } = await test.catalog.service.query<{ tenant: string; ms: number }>(
      "select tenant, cell_query_ms as ms from usage_hour order by tenant",
    );
    expect(rows).to.deep.equal([
      { tenant: acme, ms: 1_000 },
      { tenant: globex, ms: 6_000 },
    ]);
  });

  it("counts alerts that broke the promise in the minute in which they arrived, each once", async () => {
    const alert = (id: string, latencyMs: number) =>
      test.catalog.service.query(
        `insert into alert (tenant, alert, rule, rule_name, type, metric, severity, machine_id, value, log_ref, ordinal,
                            raised_at, appended_at, evaluated_at, notified_at)
         select $1, $2, 'r', 'r', 'machine', 'temperature_c', 'low', 'm', '1', 0, 0, at, at, at, at + $3 * interval '1 ms'
           from (select $4::timestamptz as at) t`,
        [acme, id, latencyMs, new Date(dayMs + 7 * MINUTE_MS)],
      );
    await alert("a1", 501);
    await alert("a2", 500);
    await countViolations(test.catalog.service);
    // From then on the counter looks at the last minutes only: what comes now is in them.
    await alert("a3", 30_000);
    await test.catalog.service.query("update usage_progress set done_until = $1", [
      new Date(dayMs + 8 * MINUTE_MS),
    ]);
    await countViolations(test.catalog.service);
    await countViolations(test.catalog.service);
    await rollUpUsage(test.catalog.service);
    const [minute] = await read(acme, "minute");
    expect([minute?.from, minute?.violationCount]).to.deep.equal([
      new Date(dayMs + 7 * MINUTE_MS).toISOString(),
      2,
    ]);
    expect((await read(acme, "day"))[0]?.violationCount).to.equal(2);
  });

  it("says null, not 0, of what the database did not say", async () => {
    await write(
      { minute: 0, rowCount: 1 },
      { minute: 60, directQueryCount: 0, storageBytes: 8_192, meter: "database" },
    );
    await rollUpUsage(test.catalog.service);
    const hours = await read(acme, "hour");
    expect(hours.map(({ directQueryCount, storageBytes }) => [directQueryCount, storageBytes])).to.deep.equal(
      [
        [null, null],
        [0, 8_192],
      ],
    );
  });

  it("forgets minutes after 35 days and rollups after 13 months", async () => {
    const { service } = test.catalog;
    await service.query(
      `insert into usage_minute (minute, tenant, cell, meter)
       select now() - days * interval '1 day', '${acme}', 'c', 'm' from unnest(array[34, 36]) days`,
    );
    for (const [table, key] of [
      ["usage_hour", "hour"],
      ["usage_day", "day"],
    ])
      await service.query(
        `insert into ${table} select ${key}, '${acme}', 0, 0, 0, 0, null, null, 0, null, 0, 0
           from unnest(array[now() - interval '12 months', now() - interval '14 months']) ${key}`,
      );
    await forgetUsage(service);
    for (const table of ["usage_minute", "usage_hour", "usage_day"]) {
      const { rowCount } = await service.query(`select from ${table}`);
      expect(rowCount, table).to.equal(1);
    }
  });
});
