import { expect } from "chai";
import fc from "fast-check";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../model/duration.ts";
import {
  HEALTH_STATUSES,
  headroomMs,
  judgeAlarms,
  judgeDataPath,
  judgeDisk,
  judgeDrift,
  judgePlacement,
  NO_BACKUPS,
  worstOf,
  type PlacementFacts,
} from "../../model/tenant-health.ts";
import { LOG_RETENTION_MS } from "../../model/tenant-log.ts";

const NOW = new Date("2026-11-21T12:00:00Z");
const ago = (ms: number) => new Date(NOW.getTime() - ms);

describe("a tenant's health", () => {
  it("is as bad as its worst part, and nothing that is unknown hides one that is down", () => {
    const anyStatus = fc.constantFrom(...HEALTH_STATUSES);
    fc.assert(
      fc.property(fc.array(anyStatus), (statuses) => {
        const worst = worstOf(statuses.map((status) => ({ status, reason: null })));
        for (const one of ["down", "degraded", "unknown"] as const)
          if (statuses.includes(one)) return worst === one;
        return worst === "ok";
      }),
    );
  });

  const dataPath = (lagMs: number, more: object = {}) =>
    judgeDataPath({
      ...{ lastStoredAt: NOW, openDeadLetterCount: 3, isDeadLetterAlarm: false, ...more },
      partitions: [0, lagMs].map((ms, partition) => ({
        ...{ topic: "a.readings.g1", partition, lagRecords: 1, lagMs: ms, isOutOfRange: false },
      })),
    });

  it("knows a data path that is late, one that stands still, and one that has lost the log", () => {
    expect(dataPath(MINUTE_MS - 1)).to.deep.equal({ status: "ok", reason: null });
    expect(dataPath(MINUTE_MS)).to.deep.equal({
      status: "degraded",
      reason: "readings are stored 60 s late",
    });
    expect(dataPath(10 * MINUTE_MS).status).to.equal("down");
    expect(dataPath(0, { isDeadLetterAlarm: true }).status).to.equal("degraded");
    const lost = {
      topic: "a.readings.g1",
      partition: 0,
      lagRecords: 1,
      lagMs: MINUTE_MS,
      isOutOfRange: true,
    };
    const judged = judgeDataPath({
      ...{ lastStoredAt: null, openDeadLetterCount: 0, isDeadLetterAlarm: false, partitions: [lost] },
    });
    expect(judged.status).to.equal("down");
    expect(judged.reason).to.match(/^the log has dropped .*; readings are stored 60 s late$/);
  });

  it("knows a flip that nobody ends, and a shadow that the log leaves behind", () => {
    const stable: PlacementFacts = { cell: "c", epoch: 2n, state: "stable", flipDeadline: null, shadows: [] };
    const shadow = (lagMs: number, isOutOfRange = false) => ({
      ...{ cell: "d", until: null, lagRecords: 5, lagMs, headroomMs: headroomMs({ lagMs, isOutOfRange }) },
    });
    const status = (facts: Partial<PlacementFacts>) => judgePlacement({ ...stable, ...facts }, NOW).status;
    expect(status({})).to.equal("ok");
    expect(status({ state: "building" })).to.equal("unknown");
    expect(status({ state: "flipping", flipDeadline: ago(-1) })).to.equal("degraded");
    expect(status({ state: "flipping", flipDeadline: ago(1) })).to.equal("down");
    expect(status({ flipDeadline: ago(1) }), "not settled").to.equal("down");
    expect(status({ shadows: [shadow(LOG_RETENTION_MS - DAY_MS)] })).to.equal("ok");
    expect(status({ shadows: [shadow(LOG_RETENTION_MS - DAY_MS + 1)] })).to.equal("degraded");
    expect(status({ shadows: [shadow(0, true)] })).to.equal("degraded");
  });

  it("never calls green what nobody knows", () => {
    const disk = (freeBytes: number | null) =>
      judgeDisk({ databaseBytes: 1, tenantBytes: 1, freeBytes }).status;
    expect([disk(null), disk(2 ** 28 - 1), disk(2 ** 28), disk(2 ** 31)]).to.deep.equal([
      ...["unknown", "down", "degraded", "ok"],
    ]);
    expect(NO_BACKUPS.status).to.equal("unknown");
    const drift = (status: "clean" | "drifted" | "failed", ageMs: number) =>
      judgeDrift({ stack: "s", checkedAt: ago(ageMs), status, differenceCount: 2 }, NOW).status;
    expect(judgeDrift(null, NOW).status).to.equal("unknown");
    expect(drift("clean", DAY_MS)).to.equal("ok");
    expect(drift("clean", 2 * DAY_MS + HOUR_MS + 1)).to.equal("unknown");
    expect(drift("failed", 0)).to.equal("unknown");
    expect(drift("drifted", 3 * DAY_MS)).to.equal("degraded");
  });

  it("minds channels that fail and promises that are broken, not the machines' own alerts", () => {
    const activeAlerts = { critical: 9, high: 0, medium: 0, low: 0 };
    const status = (failingChannels: string[], violationCount: number) =>
      judgeAlarms({ activeAlerts, failingChannels, violationCount }).status;
    expect(status([], 4)).to.equal("ok");
    expect(status([], 5)).to.equal("degraded");
    expect(status(["mail"], 0)).to.equal("degraded");
  });
});
