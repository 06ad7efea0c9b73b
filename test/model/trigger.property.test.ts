import { expect } from "chai";
import fc from "fast-check";
import { DEFAULT_TRIGGERS, triggerConfig, type TriggerConfig } from "../../model/trigger-config.ts";
import { gateDecisions } from "../../model/trigger-gate.ts";
import { replayTriggers, type Replay, type ReplayedTenant } from "../../model/trigger-replay.ts";
import { judge, type HourColumn, type UsageHours } from "../../model/trigger.ts";
import { randomFrom, seed } from "../support/seed.ts";

const GB = 2 ** 30;
const DAY = 24;
const FIRST_MS = Date.UTC(2026, 8, 1);
const HOUR_MS = 3_600_000;

const hours = (count: number, valueOf: (hour: number) => number): HourColumn => ({
  firstHour: 0,
  values: Float64Array.from({ length: count }, (_, hour) => valueOf(hour)),
});
const tenantOf = (tenant: string, usage: UsageHours, more: Partial<ReplayedTenant> = {}): ReplayedTenant => ({
  ...{ tenant, tier: "shared", tierSinceHour: -Infinity, hasChangedTier: false },
  ...{ raised: undefined, decidedHour: undefined, budgetUsdPerMonth: null, usage },
  costs: { shared: 20, dedicated: 750 },
  ...more,
});
const rangeOf = (to: number): Replay => ({
  ...{ firstHourMs: FIRST_MS, from: 0, to },
  room: { dedicatedTenantCount: 0, freeServerCount: Infinity, sharedPlaceCount: 100 },
});
const withUpgrade = (more: Partial<TriggerConfig["upgrade"]>): TriggerConfig => ({
  ...DEFAULT_TRIGGERS,
  upgrade: { ...DEFAULT_TRIGGERS.upgrade, ...more },
});
/** Hours after which one tenant's decisions were made, and their directions. */
const decided = (usage: UsageHours, count: number, config = DEFAULT_TRIGGERS) =>
  replayTriggers(config, [tenantOf("acme", usage)], rangeOf(count)).decisions.map(
    ({ decidedAtMs, direction }) => [(decidedAtMs - FIRST_MS) / HOUR_MS, direction],
  );

describe("the triggers of seed 000, at their limits", () => {
  it("know 99.9 GB a day from 100.1", () => {
    const perDay = (gb: number) => ({ byteCount: hours(5 * DAY, () => (gb / DAY) * GB) });
    expect(decided(perDay(99.9), 5 * DAY)).to.deep.equal([]);
    expect(decided(perDay(100.1), 5 * DAY)).to.deep.equal([[24, "upgrade"]]);
  });

  it("know 50 queries a second from 51, held for an hour's quarter", () => {
    const held = (perMinute: number) => ({
      heldQueriesPerMinute: hours(6, (hour) => (hour === 3 ? perMinute : 0)),
    });
    expect(decided(held(50 * 60), 6)).to.deep.equal([]);
    expect(decided(held(50 * 60 + 1), 6)).to.deep.equal([[4, "upgrade"]]);
  });

  it("take no burst that is shorter than the window", () => {
    const config = withUpgrade({ rules: { queriesPerSecond: { limit: 50, windowHours: 4 } } });
    const burst = (length: number) => ({
      heldQueriesPerMinute: hours(48, (hour) => (hour >= 10 && hour < 10 + length ? 1e6 : 0)),
    });
    expect(decided(burst(3), 48, config)).to.deep.equal([]);
    expect(decided(burst(4), 48, config)).to.deep.equal([[14, "upgrade"]]);
    // 99 GB within an hour are no 100 GB a day.
    expect(decided({ byteCount: hours(48, (hour) => (hour === 9 ? 99 * GB : 0)) }, 48)).to.deep.equal([]);
  });

  it("count five violations in 30 days, and not in 31", () => {
    const violations = (apart: number) => ({
      violationCount: hours(40 * DAY, (hour) => (hour % apart === 0 && hour <= 4 * apart ? 1 : 0)),
    });
    expect(decided(violations(179), 40 * DAY)).to.deep.equal([[4 * 179 + 1, "upgrade"]]); // 30 days hold 720 hours
    expect(decided(violations(186), 40 * DAY)).to.deep.equal([]); // the fifth comes 31 days after the first
  });

  it("move a tenant that flaps around a limit for a week once", () => {
    const usage = { byteCount: hours(9 * DAY, (hour) => ((hour / DAY) % 2 < 1 ? 101.5 : 98.5) * (GB / DAY)) };
    expect(decided(usage, 9 * DAY)).to.deep.equal([[24, "upgrade"]]);
    const asking = withUpgrade({ mode: "approval" });
    for (const coolDownHours of [168, 1])
      expect(decided(usage, 9 * DAY, { ...asking, coolDownHours })).to.deep.equal([[24, "upgrade"]]);
  });

  it("give the one place to the larger of two, and recommend the other", () => {
    const tenants = [150, 250].map((gb) =>
      tenantOf(`tenant-${gb}`, { byteCount: hours(3 * DAY, () => (gb / DAY) * GB) }),
    );
    // From the first hour in which both have passed the limit.
    const range = { ...rangeOf(3 * DAY), from: 2 * DAY };
    const { decisions } = replayTriggers(DEFAULT_TRIGGERS, tenants, range);
    const outcomes = decisions.map(({ tenant, startedAtMs, holds }) => [
      tenant,
      startedAtMs !== undefined,
      holds.map(({ gate }) => gate),
    ]);
    expect(outcomes).to.deep.equal([
      ["tenant-150", false, ["max-dedicated-tenants"]],
      ["tenant-250", true, []],
    ]);
  });

  it("give it to the first by name of two that are equal, in whatever order they come", () => {
    const tenants = ["bbb", "aaa", "ccc"];
    for (const order of [tenants, tenants.toReversed()]) {
      const open = order.map((tenant) => ({
        ...{ tenant, direction: "upgrade" as const, load: 2, isApproved: false, isBusy: false },
        ...{ budgetUsdPerMonth: null, dedicatedUsdPerMonth: 500 },
      }));
      const { room } = rangeOf(1);
      const holds = gateDecisions(DEFAULT_TRIGGERS, open, room, FIRST_MS);
      expect(
        open.filter(({ tenant }) => holds.get(tenant)?.length === 0).map(({ tenant }) => tenant),
      ).to.deep.equal(["aaa"]);
    }
  });

  it("bring a tenant back that has used little for two weeks, when a person agrees, and none of whom too little is known", () => {
    const quiet = (tierSinceHour: number) =>
      tenantOf("acme", {}, { tier: "dedicated", tierSinceHour, hasChangedTier: true });
    const replay = (tenant: ReplayedTenant) =>
      replayTriggers(DEFAULT_TRIGGERS, [tenant], rangeOf(20 * DAY)).decisions.map(
        ({ decidedAtMs, holds }) => [(decidedAtMs - FIRST_MS) / HOUR_MS, holds.map(({ gate }) => gate)],
      );
    expect(replay(quiet(-14 * DAY))).to.deep.equal([[1, ["approval-required"]]]);
    expect(replay(quiet(0))).to.deep.equal([[14 * DAY + 1, ["approval-required"]]]);
  });

  it("find a neighbour noisy in a busy database only", () => {
    const config = withUpgrade({ rules: { databaseTimeShare: { limit: 0.5, windowHours: 2 } } });
    const share = (busyMs: number) => ({
      queryMs: hours(4, () => 0.6 * busyMs),
      cellQueryMs: hours(4, () => busyMs),
    });
    expect(decided(share(0.6 * HOUR_MS), 4, config)).to.deep.equal([[2, "upgrade"]]);
    expect(decided(share(0.4 * HOUR_MS), 4, config)).to.deep.equal([]);
  });
});

const rule = (max: number) =>
  fc.option(fc.record({ limit: fc.integer({ min: 1, max }), windowHours: fc.integer({ min: 1, max: 6 }) }), {
    nil: undefined,
  });
const anyMode = fc.constantFrom("automatic" as const, "approval" as const);
const anyConfig: fc.Arbitrary<TriggerConfig> = fc
  .record({
    up: fc.record({
      ingestedGbPerDay: rule(20),
      queriesPerSecond: rule(20),
      slaViolations: rule(8),
      storageGb: rule(20),
    }),
    downLimit: fc.integer({ min: 1, max: 20 }),
    downWindow: fc.integer({ min: 1, max: 6 }),
    modes: fc.tuple(anyMode, anyMode),
    hysteresis: fc.constantFrom(0.1, 0.3, 0.6),
    coolDownHours: fc.integer({ min: 1, max: 12 }),
    maxDedicatedTenants: fc.integer({ min: 0, max: 3 }),
  })
  .map(({ up, downLimit, downWindow, modes, hysteresis, ...rest }) => ({
    ...DEFAULT_TRIGGERS,
    ...rest,
    hysteresis,
    upgrade: { mode: modes[0], rules: up },
    downgrade: {
      mode: modes[1],
      rules: {
        ingestedGbPerDay: {
          limit: Math.min(downLimit, (up.ingestedGbPerDay?.limit ?? 20) * (1 - hysteresis)),
          windowHours: downWindow,
        },
      },
    },
  }));

const HOURS = 60;
/** Uneven on purpose: steps, bursts and noise around the limits. */
const anyTenants = fc
  .array(fc.record({ seed: fc.nat(), tier: fc.constantFrom("shared" as const, "dedicated" as const) }), {
    minLength: 1,
    maxLength: 6,
  })
  .map((facts) =>
    facts.map(({ seed: start, tier }, index) => {
      const random = randomFrom(start);
      const column = (scale: number) => {
        let level = random() * scale;
        return hours(HOURS, () => {
          if (random() < 0.15) level = random() * scale;
          return random() < 0.1 ? 0 : level;
        });
      };
      const usage = {
        ...{ byteCount: column((30 / DAY) * GB), heldQueriesPerMinute: column(30 * 60) },
        ...{ violationCount: hours(HOURS, () => (random() < 0.2 ? 1 : 0)), storageBytes: column(30 * GB) },
      };
      return tenantOf(`tenant-${index}`, usage, { tier });
    }),
  );

describe(`triggers of any kind (seed ${seed})`, () => {
  it("never flap: two decisions about a tenant lie a cool-down apart, and between two alike the values went back", () => {
    fc.assert(
      fc.property(anyConfig, anyTenants, (config, tenants) => {
        const { decisions } = replayTriggers(config, tenants, rangeOf(HOURS));
        for (const tenant of tenants) {
          const own = decisions.filter((one) => one.tenant === tenant.tenant);
          for (const [index, one] of own.entries()) {
            const before = own[index - 1];
            if (before === undefined) continue;
            const [from, to] = [before, one].map(
              ({ decidedAtMs }) => (decidedAtMs - FIRST_MS) / HOUR_MS - 1,
            ) as [number, number];
            expect(to - from).to.be.at.least(config.coolDownHours);
            if (before.direction !== one.direction || before.startedAtMs !== undefined) continue;
            const raised = {
              ...tenant,
              tier: one.direction === "upgrade" ? ("shared" as const) : ("dedicated" as const),
            };
            const rests = Array.from({ length: to - from }, (_, n) =>
              judge(config, { ...raised, raised: one.direction }, from + n, true),
            );
            expect(rests.some(({ kind }) => kind === "rest")).to.equal(true);
          }
        }
      }),
      { seed, numRuns: 300 },
    );
  });

  it("decide the same in whatever order the tenants come", () => {
    fc.assert(
      fc.property(anyConfig, anyTenants, fc.nat(), (config, tenants, start) => {
        const random = randomFrom(start);
        const shuffled = tenants
          .map((tenant) => ({ tenant, at: random() }))
          .sort((a, b) => a.at - b.at)
          .map(({ tenant }) => tenant);
        expect(replayTriggers(config, shuffled, rangeOf(HOURS))).to.deep.equal(
          replayTriggers(config, tenants, rangeOf(HOURS)),
        );
      }),
      { seed, numRuns: 200 },
    );
  });

  it("raise an upgrade within an open hour only where the closed hour raises it too", () => {
    fc.assert(
      fc.property(
        anyConfig,
        anyTenants,
        fc.double({ min: 0, max: 1, noNaN: true }),
        (config, tenants, share) => {
          for (const tenant of tenants) {
            for (let hour = 0; hour < HOURS; hour++) {
              const growing = Object.fromEntries(
                Object.entries(tenant.usage).map(([name, column]) => [
                  name,
                  hours(HOURS, (index) => {
                    // Counts grow until the hour's end; old data may go, so a size may have been larger before.
                    const soFar = name === "storageBytes" ? 1 + share : share;
                    return Math.floor((column.values[index] ?? 0) * (index === hour ? soFar : 1));
                  }),
                ]),
              );
              const open = judge(config, { ...tenant, usage: growing }, hour, false);
              if (open.kind === "fire") expect(judge(config, tenant, hour, true).kind).to.equal("fire");
            }
          }
        },
      ),
      { seed, numRuns: 100 },
    );
  });

  it("never have more dedicated tenants than are allowed", () => {
    fc.assert(
      fc.property(anyConfig, anyTenants, (config, tenants) => {
        const shared = tenants.map((tenant) => ({ ...tenant, tier: "shared" as const }));
        const automatic = { ...config, upgrade: { ...config.upgrade, mode: "automatic" as const } };
        const { decisions } = replayTriggers(automatic, shared, rangeOf(HOURS));
        const steps = decisions
          .flatMap(({ startedAtMs, direction }) =>
            startedAtMs === undefined ? [] : [{ startedAtMs, step: direction === "upgrade" ? 1 : -1 }],
          )
          .sort((a, b) => a.startedAtMs - b.startedAtMs || a.step - b.step);
        let count = 0;
        for (const { step } of steps) expect((count += step)).to.be.at.most(config.maxDedicatedTenants);
      }),
      { seed, numRuns: 200 },
    );
  });
});

describe("the configuration of triggers", () => {
  it("is the seed's unless somebody changes it, and valid", () => {
    expect(triggerConfig.parse(DEFAULT_TRIGGERS)).to.deep.equal(DEFAULT_TRIGGERS);
    const { upgrade, maxDedicatedTenants } = DEFAULT_TRIGGERS;
    const limits = Object.fromEntries(
      Object.entries(upgrade.rules).map(([metric, set]) => [metric, set?.limit]),
    );
    expect([limits, maxDedicatedTenants]).to.deep.equal([
      { ingestedGbPerDay: 100, queriesPerSecond: 50, slaViolations: 5 },
      1,
    ]);
  });

  it("refuses what would send a tenant to and fro, or every tenant back", () => {
    const refused = (downgrade: object) =>
      triggerConfig.safeParse({ ...DEFAULT_TRIGGERS, downgrade }).error?.issues[0]?.path.join(".");
    expect(
      refused({ mode: "automatic", rules: { ingestedGbPerDay: { limit: 90, windowHours: 24 } } }),
    ).to.equal("downgrade.rules.ingestedGbPerDay.limit");
    expect(refused({ mode: "approval", rules: {} })).to.equal("downgrade.rules");
    expect(refused({ mode: "off", rules: {} })).to.equal(undefined);
    expect(refused({ mode: "off", rules: { cpu: { limit: 1, windowHours: 1 } } })).to.equal(
      "downgrade.rules",
    );
  });
});
