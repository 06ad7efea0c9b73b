import { expect } from "chai";
import { tmpdir } from "node:os";
import { LOCAL_PLACE } from "../../../automation/cost/quote-basis.ts";
import { tierCostsOf } from "../../../automation/cost/tier-costs.ts";
import { getTenant } from "../../../data/catalog/tenant.ts";
import { planMove, type PlanDeps } from "../../../automation/moves/plan-move.ts";
import { registerCell } from "../../../data/catalog/cell.ts";
import { putTriggers } from "../../../data/catalog/trigger-config.ts";
import type { CellSecret } from "../../../data/cell/cell-secret.ts";
import type { MoveTarget } from "../../../model/move-gate.ts";
import { tenantId, type TenantId } from "../../../model/tenant.ts";
import { LOG_RETENTION_MS } from "../../../model/tenant-log.ts";
import { DEFAULT_TRIGGERS } from "../../../model/trigger-config.ts";
import { testCatalog, type TestCatalog } from "../../support/catalog.ts";
import { asCellRole } from "../../support/cell.ts";
import { placeTestTenant, registerTestCells } from "../../support/flip-tenant.ts";
import { testLog, type TestLog } from "../../support/log.ts";
import { moveCells, prepareTarget, type MoveCells } from "../../support/move-cells.ts";
import { rowsOf } from "../../support/operations.ts";

const DEDICATED = { tier: "dedicated" } as const;
const TO_T = { tier: "shared", cell: "T" } as const;

describe("the plan of a move", () => {
  let cells: MoveCells;
  let test: TestCatalog;
  let log: TestLog;
  let secrets: Record<string, CellSecret>;
  before(async () => {
    cells = await moveCells();
    test = await testCatalog();
    log = await testLog();
    await registerTestCells(test.catalog, ["S", "T"]);
  });
  after(async () => {
    await Promise.all([cells.close(), log.log.close()]);
    await test.catalog.close();
  });
  beforeEach(() => (secrets = { "cell-S": cells.source.secret, "cell-T": cells.target }));

  const deps = (more: Partial<PlanDeps> = {}): PlanDeps => {
    const no = () => Promise.reject(new Error("a plan writes no secret"));
    const store = { get: (name: string) => Promise.resolve(secrets[name]), add: no, put: no, remove: no };
    return {
      ...{ catalog: test.catalog, secrets: store, log: log.log, home: tmpdir() },
      ...{
        dedicatedCellUrls: [],
        moveGraceMs: 3_600_000,
        pricedPlace: LOCAL_PLACE,
        environmentBudgetUsd: 50_000,
      },
      ...more,
    };
  };
  const plan = (tenant: TenantId, target: MoveTarget, more: Partial<PlanDeps> = {}) =>
    planMove(deps(more), { tenant, target });
  const refused = async (tenant: TenantId, target: MoveTarget, more: Partial<PlanDeps> = {}) =>
    (await plan(tenant, target, more)).refusals.map(({ code }) => code);

  /** At home in S, with rows. */
  async function readyTenant(id: string, recordCount = 0): Promise<TenantId> {
    const tenant = tenantId.parse(id);
    await cells.tenantInSource(id, recordCount);
    const topic = `${id}.readings.g1`;
    await log.log.createTopic(topic, 2);
    await placeTestTenant(test.catalog, tenant, "S", topic);
    await test.catalog.service.query("update tenant set state = 'ready' where tenant = $1", [tenant]);
    return tenant;
  }

  it("says how much, how long and at what price, where nothing stands against it", async () => {
    const tenant = await readyTenant("plan-whole", 100);
    const { from, toCell, refusals, size, cost } = await plan(tenant, DEDICATED);
    expect([from, toCell, refusals]).to.deep.equal([{ cell: "S", tier: "shared" }, undefined, []]);
    expect(size?.rowCount).to.be.within(1_000, 16_000); // 4,000, never analyzed
    expect(size?.copyRateFrom).to.equal("sample");
    expect(size?.copyRowsPerSecond).to.be.greaterThan(1_000);
    expect(size?.estimate.totalMs).to.be.greaterThan(size?.estimate.buildMs ?? Infinity);
    expect(size?.freeDiskBytes).to.be.greaterThan(size?.estimate.diskBytes ?? Infinity);
    const { machines } = await getTenant(test.catalog.service, tenant);
    const costs = await tierCostsOf(test.catalog.service, LOCAL_PLACE, { tenant, machines });
    expect(cost).to.deep.equal({ beforeUsdPerMonth: costs.shared, afterUsdPerMonth: costs.dedicated });
    expect(costs.dedicated, "two servers at least").to.be.above(2 * 0.2016 * 730);

    const other = await plan(tenant, TO_T);
    expect([other.toCell, other.refusals]).to.deep.equal(["T", []]);
    expect(other.size?.freeDiskBytes, "as T itself says").to.be.greaterThan(0);
  });

  it("goes by the last large copy, and by what the engine took last", async () => {
    const tenant = await readyTenant("plan-rate", 100);
    const done = (name: string, detail: string) =>
      `insert into operation_step (operation, ordinal, tenant, name, status, started_at, finished_at, detail)
       select operation, ${name.length}, tenant, '${name}', 'succeeded', now() - interval '7 seconds', now(), '${detail}'
         from operation where tenant = 'plan-rate-before'`;
    await rowsOf(
      test,
      `insert into operation (operation, kind, tenant, status, requested_by, input, finished_at)
       values (gen_random_uuid(), 'move', 'plan-rate-before', 'succeeded', 'test', '{"tier": "dedicated"}', now())`,
    );
    await rowsOf(test, done("copy", '{"rows": 5000000, "rowsPerSecond": 310000}'));
    await rowsOf(test, done("build-target", "{}"));
    expect((await plan(tenant, DEDICATED)).size?.pauseMs, "no flip yet").to.equal(300);
    await rowsOf(test, done("flip", '{"pause": {"seen": {"pauseMs": 71.4}, "flipMs": 60}}'));
    const { size } = await plan(tenant, DEDICATED);
    expect(size?.pauseMs).to.equal(71);
    expect([size?.copyRowsPerSecond, size?.copyRateFrom, size?.buildMs]).to.deep.equal([
      310_000,
      "last-move",
      7_000,
    ]);
    await rowsOf(test, "delete from operation where tenant = 'plan-rate-before'");
  });

  it("changes nothing, in the catalog or in a cell", async () => {
    const tenant = await readyTenant("plan-quiet", 20);
    const before = await contents();
    for (const target of [DEDICATED, TO_T, { tier: "shared" } as const]) await plan(tenant, target);
    expect(await contents()).to.deep.equal(before);
  });

  /** Of every table, by name. */
  async function contents(): Promise<readonly string[]> {
    const tables = `select format('%I.%I', n.nspname, relname) as name from pg_class c join pg_namespace n on n.oid = relnamespace
                     where relkind in ('r', 'p') and nspname !~ '^(pg_|information_schema)' order by 1`;
    const content = (name: string) =>
      `select '${name} ' || count(*) || ' ' || coalesce(md5(string_agg(t::text, '' order by t::text)), '') as found from ${name} t`;
    const found: string[] = [];
    const inCatalog = (sql: string) => rowsOf<{ name: string; found: string }>(test, sql);
    for (const { name } of await inCatalog(tables))
      found.push((await inCatalog(content(name)))[0]?.found ?? "");
    for (const cell of [cells.source.secret, cells.target])
      await asCellRole(cell, "admin", async (client) => {
        for (const { name } of (await client.query<{ name: string }>(tables)).rows)
          found.push((await client.query<{ found: string }>(content(name))).rows[0]?.found ?? "");
      });
    return found;
  }

  it("finds a log that holds less than the copy and the way back take", async () => {
    const tenant = await readyTenant("plan-log");
    expect(await refused(tenant, DEDICATED, { moveGraceMs: LOG_RETENTION_MS })).to.deep.equal([
      "log-retention",
    ]);
  });

  it("finds that the tenant has no place to go to, or no money for it", async () => {
    const tenant = await readyTenant("plan-place");
    expect(await refused(tenant, { tier: "shared" }), "it is there").to.deep.equal(["move-needless"]);
    expect(await refused(tenant, { tier: "shared", cell: "nowhere" })).to.deep.equal(["cell-unknown"]);
    await putTriggers(test.catalog.service, { ...DEFAULT_TRIGGERS, maxDedicatedTenants: 0 }, "test");
    await test.catalog.service.query("update tenant set budget_usd_per_month = 1 where tenant = $1", [
      tenant,
    ]);
    expect(await refused(tenant, DEDICATED)).to.deep.equal(["budget", "max-dedicated-tenants"]);
    await putTriggers(test.catalog.service, DEFAULT_TRIGGERS, "test");
    await placeTestTenant(test.catalog, tenantId.parse("plan-guest"), "T");
    await registerCell(test.catalog.service, { name: "T", tier: "shared", tenantCapacity: 1 });
    expect(await refused(tenant, TO_T)).to.deep.equal(["capacity"]);
    await registerCell(test.catalog.service, { name: "T", tier: "shared", tenantCapacity: 100 });
  });

  it("finds a disk that is too small where the database would be built", async () => {
    const tenant = await readyTenant("plan-disk");
    // a file system that has no room at all
    expect(await refused(tenant, DEDICATED, { home: "/proc" })).to.deep.equal(["disk-full"]);
  });

  it("finds what is wrong with either database", async () => {
    const tenant = await readyTenant("plan-sides");
    await prepareTarget(cells.target, tenant);
    expect(await refused(tenant, TO_T)).to.deep.equal(["target-not-empty"]);
    secrets = { ...secrets, "cell-T": { ...cells.target, port: 1 } };
    expect(await refused(tenant, TO_T)).to.deep.equal(["target-unreachable"]);
    await cells.source.admin("alter table tenant_plan_sides.job_scan_events add column note text");
    expect(await refused(tenant, DEDICATED)).to.deep.equal(["schema-drifted"]);
    secrets = {};
    const { refusals, size } = await plan(tenant, DEDICATED);
    expect([refusals.map(({ code }) => code), size]).to.deep.equal([["source-unreachable"], undefined]);
  });
});
