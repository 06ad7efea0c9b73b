import { expect } from "chai";
import fc from "fast-check";
import pg from "pg";
import { LOCAL_PLACE } from "../../../automation/cost/quote-basis.ts";
import { evaluateTriggers, type TriggerDeps } from "../../../automation/triggers/evaluate.ts";
import type { StartMove } from "../../../automation/triggers/move-port.ts";
import { replayStored } from "../../../automation/triggers/replay.ts";
import { registerCell } from "../../../data/catalog/cell.ts";
import { listSystemEvents } from "../../../data/catalog/system-event.ts";
import { addTenant } from "../../../data/catalog/tenant.ts";
import { putTriggers } from "../../../data/catalog/trigger-config.ts";
import { listDecisions, refuseDecision, approveDecision } from "../../../data/catalog/trigger-decision.ts";
import { inTransaction } from "../../../data/pool.ts";
import { MillwrightError } from "../../../model/errors.ts";
import { DEFAULT_TRIGGERS, type TriggerConfig } from "../../../model/trigger-config.ts";
import { tenantId } from "../../../model/tenant.ts";
import { testCatalog, type TestCatalog } from "../../support/catalog.ts";
import { newTenant } from "../../support/operations.ts";
import { randomFrom, seed } from "../../support/seed.ts";

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const GB = 2 ** 30;
/** A full hour, long after the tenants were made. */
const START_MS = Math.ceil(Date.now() / HOUR_MS) * HOUR_MS + 10_000 * HOUR_MS;
const logger = { info: () => undefined, warn: () => undefined };
const DAY_LIMIT: TriggerConfig = {
  ...DEFAULT_TRIGGERS,
  upgrade: { mode: "automatic", rules: { ingestedGbPerDay: { limit: 100, windowHours: 24 } } },
};

describe(`evaluating triggers (seed ${seed})`, () => {
  let test: TestCatalog;
  let started: { readonly tenant: string; readonly target: string; readonly id: string }[];
  let startMove: StartMove;
  before(async () => {
    test = await testCatalog();
    await registerCell(test.catalog.service, { name: "shared-1", tier: "shared", tenantCapacity: 100 });
  });
  after(() => test.catalog.close());
  beforeEach(async () => {
    for (const table of ["tenant", "usage_progress", "trigger_config", "operation"])
      await query(`delete from ${table}`);
    started = [];
    startMove = (tenant, target, { id }) => {
      started.push({ tenant, target, id });
      return Promise.resolve(id); // any id will do for the operation
    };
  });

  /** As the database's owner: the service itself may not delete all of it. */
  async function query(sql: string): Promise<void> {
    const admin = new pg.Client({ ...test.admin, options: "-c search_path=catalog" });
    await admin.connect();
    await admin.query(sql).finally(() => admin.end());
  }
  const deps = (more: Partial<TriggerDeps> = {}): TriggerDeps => ({
    ...{
      catalog: test.catalog.service,
      startMove: (...call) => startMove(...call),
      dedicatedServerCount: undefined,
      pricedPlace: LOCAL_PLACE,
      logger,
    },
    ...more,
  });
  const at = (hours: number, minutes = 30) => START_MS + hours * HOUR_MS + minutes * MINUTE_MS;
  const evaluate = (hours: number, minutes = 30, more: Partial<TriggerDeps> = {}) =>
    evaluateTriggers(deps(more), at(hours, minutes));
  const use = (config: TriggerConfig) => putTriggers(test.catalog.service, config, "test");

  async function tenant(id: string, budgetUsdPerMonth: number | null = null) {
    await addTenant(test.catalog.service, newTenant(id, { budgetUsdPerMonth }));
    await test.catalog.service.query(
      "update tenant set state = 'ready', created_at = now() - interval '1 year' where tenant = $1",
      [id],
    );
    return tenantId.parse(id);
  }
  async function ingested(id: string, hour: number, gb: number) {
    await test.catalog.service.query(
      `insert into usage_hour (hour, tenant, row_count, byte_count, query_count, query_ms, violation_count,
                               held_query_count, cell_query_ms)
       values ($1, $2, 0, $3, 0, 0, 0, 0, 0)
       on conflict (hour, tenant) do update set byte_count = excluded.byte_count`,
      [new Date(START_MS + hour * HOUR_MS), id, Math.round(gb * GB)],
    );
  }
  const decisions = async () =>
    (await listDecisions(test.catalog.service, { limit: 100 })).items.toReversed();
  const outcomes = async () =>
    (await decisions()).map(({ tenant: id, direction, status, holds }) => [
      `${id} ${direction} ${status}`,
      ...holds.map(({ gate }) => gate),
    ]);

  it("starts the move of a tenant that passes a limit, once, and keeps what it saw", async () => {
    await use(DAY_LIMIT);
    await tenant("acme");
    await ingested("acme", 0, 99.9);
    await evaluate(0);
    expect(await decisions()).to.deep.equal([]);
    await ingested("acme", 0, 100.1);
    await Promise.all([evaluate(0, 31), evaluate(0, 31)]);
    await evaluate(0, 32);
    await evaluate(1);
    expect(await outcomes()).to.deep.equal([["acme upgrade started"]]);
    const [decision] = await decisions();
    // Two that judge at once may both ask for it, under one id: whoever starts moves starts one.
    expect(started.length).to.be.within(1, 2);
    for (const start of started)
      expect(start).to.deep.equal({ tenant: "acme", target: "dedicated", id: decision?.id });
    expect(decision?.evidence.reasons[0]).to.deep.include({
      metric: "ingestedGbPerDay",
      limit: 100,
      windowHours: 24,
    });
    expect(decision?.evidence.reasons[0]?.value).to.be.closeTo(100.1, 0.001);
    expect(decision?.evidence.hour).to.equal(new Date(START_MS).toISOString());
    const { items } = await listSystemEvents(test.catalog.service, { limit: 10 });
    expect(items.filter((event) => event.tenant === "acme").map(({ event }) => event)).to.deep.equal([
      "trigger.started",
      "trigger.fired",
    ]);
  });

  it("gives the only place to the larger, and says of the other why it waits", async () => {
    await use(DAY_LIMIT);
    for (const [id, gb] of [
      ["aaa", 150],
      ["bbb", 250],
    ] as const) {
      await tenant(id);
      await ingested(id, 0, gb);
    }
    await evaluate(0);
    expect(await outcomes()).to.deep.equal([
      ["aaa upgrade recommended", "max-dedicated-tenants"],
      ["bbb upgrade started"],
    ]);
  });

  it("waits at each gate, says all of them at once, and goes on when they open", async () => {
    const noon = { weekdays: ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const, timeZone: "UTC" };
    const nowHour = new Date(at(0)).getUTCHours();
    const hourText = (hour: number) => `${String(hour % 24).padStart(2, "0")}:00`;
    const window = {
      ...noon,
      weekdays: [...noon.weekdays],
      from: hourText(nowHour + 1),
      to: hourText(nowHour + 2),
    };
    await use({
      ...DAY_LIMIT,
      upgrade: { ...DAY_LIMIT.upgrade, mode: "approval" },
      maintenanceWindow: window,
    });
    await tenant("acme", 499);
    await ingested("acme", 0, 120);
    await evaluate(0, 30, { dedicatedServerCount: 0 });
    expect(await outcomes()).to.deep.equal([
      ["acme upgrade recommended", "approval-required", "maintenance-window", "budget", "capacity"],
    ]);
    await query("update tenant set budget_usd_per_month = 5000");
    const [decision] = await decisions();
    await inTransaction(test.catalog.service, (tx) => approveDecision(tx, decision?.id ?? "", "eve"));
    await evaluate(0, 40, { dedicatedServerCount: 1 });
    expect(await outcomes()).to.deep.equal([["acme upgrade recommended", "maintenance-window"]]);
    await evaluate(1, 10, { dedicatedServerCount: 1 });
    expect(await outcomes()).to.deep.equal([["acme upgrade started"]]);
  });

  it("keeps a decision as a recommendation while moves do not start, and starts it under the same id when they do", async () => {
    await use(DAY_LIMIT);
    await tenant("acme");
    await ingested("acme", 0, 120);
    const ids: string[] = [];
    startMove = (_tenant, _target, { id }) => {
      ids.push(id);
      if (ids.length === 1) throw new MillwrightError("move-unavailable", "Not here.");
      if (ids.length === 2) throw new Error("killed before it was written down");
      return Promise.resolve(id);
    };
    await evaluate(0);
    expect((await decisions())[0]?.holds).to.deep.equal([{ gate: "move", message: "Not here." }]);
    await evaluate(0, 31).catch(() => undefined);
    await evaluate(0, 32);
    expect(new Set(ids).size).to.equal(1);
    expect(await outcomes()).to.deep.equal([["acme upgrade started"]]);
  });

  it("asks a person who said no again only after the values went back, and the cool-down", async () => {
    await use({ ...DAY_LIMIT, upgrade: { ...DAY_LIMIT.upgrade, mode: "approval" }, coolDownHours: 30 });
    await tenant("acme");
    await ingested("acme", 0, 120);
    await evaluate(0);
    const [decision] = await decisions();
    await inTransaction(test.catalog.service, (tx) => refuseDecision(tx, decision?.id ?? ""));
    const again = await inTransaction(test.catalog.service, (tx) =>
      refuseDecision(tx, decision?.id ?? ""),
    ).catch((error: unknown) => (error as MillwrightError).code);
    expect(again).to.equal("decision-ended");
    await ingested("acme", 20, 120); // still over it at hour 43, though the cool-down ended at hour 30
    await evaluate(40);
    expect(await outcomes()).to.deep.equal([["acme upgrade refused", "approval-required"]]);
    await ingested("acme", 50, 120); // after hours without anything
    await evaluate(50);
    expect(await outcomes()).to.deep.equal([
      ["acme upgrade refused", "approval-required"],
      ["acme upgrade recommended", "approval-required"],
    ]);
  });

  it("withdraws what has gone back before it could start, and decides nothing where it is off", async () => {
    await use({ ...DAY_LIMIT, maxDedicatedTenants: 0 });
    await tenant("acme");
    await ingested("acme", 0, 120);
    await evaluate(0);
    await evaluate(26);
    expect(await outcomes()).to.deep.equal([["acme upgrade withdrawn", "max-dedicated-tenants"]]);
    await use({ ...DAY_LIMIT, upgrade: { ...DAY_LIMIT.upgrade, mode: "off" } });
    await tenant("globex");
    await ingested("globex", 30, 500);
    await evaluate(30);
    expect(started).to.deep.equal([]);
    expect(await decisions()).to.have.length(1);
  });

  it("decides live, minute by minute, what a replay of the same usage decides", async () => {
    const windowHours = (random: () => number) => 1 + Math.floor(random() * 4);
    // A move takes time, and none in a replay: so where one is made, no other follows it.
    const config = (random: () => number): TriggerConfig => {
      const moves = random() < 0.5;
      const up = { ingestedGbPerDay: { limit: 100, windowHours: windowHours(random) } };
      const down = { ingestedGbPerDay: { limit: 60, windowHours: windowHours(random) } };
      return {
        ...DEFAULT_TRIGGERS,
        upgrade: { mode: moves ? "automatic" : "approval", rules: up },
        downgrade: { mode: moves ? "off" : "approval", rules: down },
        ...{ hysteresis: 0.2, coolDownHours: 1 + Math.floor(random() * 6), maxDedicatedTenants: 100 },
      };
    };
    await fc.assert(
      fc.asyncProperty(fc.nat(), async (start) => {
        for (const table of ["tenant", "usage_progress", "trigger_config"])
          await query(`delete from ${table}`);
        const random = randomFrom(start);
        const chosen = config(random);
        await use(chosen);
        const ids = ["aaa", "bbb", "ccc"];
        for (const id of ids) await tenant(id);
        await query("update tenant set tier = 'dedicated' where tenant = 'ccc'");
        await query("update tenant set tier_changed_at = null");
        let hour = 0;
        startMove = async (id, target, { id: decision }) => {
          await query(`update tenant set tier = '${target}' where tenant = '${id}'`);
          // in the time of the test
          await test.catalog.service.query("update tenant set tier_changed_at = $1 where tenant = $2", [
            new Date(at(hour)),
            id,
          ]);
          return decision;
        };
        for (; hour < 24; hour++) {
          const use24 = ids.map((id) => [id, (random() * 200) / 24] as const);
          for (const share of [0.4, 1]) {
            for (const [id, gb] of use24) await ingested(id, hour, gb * share);
            if (share === 1 || random() < 0.7) await evaluate(hour, share === 1 ? 59 : 20);
          }
          await evaluate(hour + 1, 1);
          if (random() < 0.2) hour++; // nobody looked for an hour
        }
        await evaluate(25, 30);
        const live = (await decisions()).map(
          ({ tenant: id, direction, evidence }) => `${evidence.hour} ${id} ${direction}`,
        );
        const { decisions: replayed } = await replayStored(test.catalog.service, deps(), {
          ...{ fromMs: START_MS, toMs: START_MS + 25 * HOUR_MS, config: chosen },
        });
        const again = replayed.map(
          ({ tenant: id, direction, decidedAtMs }) =>
            `${new Date(decidedAtMs - HOUR_MS).toISOString()} ${id} ${direction}`,
        );
        expect(again.sort()).to.deep.equal(live.sort());
      }),
      { seed, numRuns: 8 },
    );
  });
});
