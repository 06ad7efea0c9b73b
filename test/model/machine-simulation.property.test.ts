import { expect } from "chai";
import fc from "fast-check";
import {
  advanceMachine,
  isInShift,
  machineReading,
  OVERHEATED_C,
  startMachine,
  THERMAL_INERTIA_S,
  type MachineCondition,
  type MachineProfile,
} from "../../model/machine-simulation.ts";
import { decodeReading, isRefusal } from "../../model/decode-reading.ts";
import { seed } from "../support/seed.ts";

const anyProfile = fc.record({
  machineId: fc.constant("m-001"),
  siteId: fc.constant("site-1"),
  machineType: fc.constant("press"),
  ratedPowerWatts: fc.integer({ min: 100, max: 100_000 }),
  ambientC: fc.integer({ min: 5, max: 35 }),
  runningC: fc.integer({ min: 36, max: 75 }),
  cycleSeconds: fc.integer({ min: 1, max: 600 }),
  shift: fc.constantFrom<MachineProfile["shift"]>("day", "always"),
  overheatsPerHour: fc.double({ min: 0, max: 60, noNaN: true }),
  clockSkewMs: fc.integer({ min: -2_000, max: 2_000 }),
});
const anyStart = fc.integer({ min: Date.UTC(2026, 5, 1), max: Date.UTC(2030, 0, 1) });
const anySteps = fc.array(fc.integer({ min: 100, max: 30_000 }), { minLength: 50, maxLength: 400 });
const anySeed = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const anyStory = fc.tuple(anyProfile, anyStart, anySteps, anySeed);

type Story = [MachineProfile, number, number[], number];

function live([profile, startMs, steps, storySeed]: Story): MachineCondition[] {
  const life = [startMachine(profile, startMs, storySeed)];
  for (const stepMs of steps) {
    const last = life.at(-1)!;
    life.push(advanceMachine(profile, last, last.timeMs + stepMs));
  }
  return life;
}

/** Holds for each two neighbouring moments of any machine's life. */
function holds(
  law: (profile: MachineProfile, before: MachineCondition, after: MachineCondition) => void,
): void {
  fc.assert(
    fc.property(anyStory, (story) => {
      const life = live(story);
      life.slice(1).forEach((after, index) => law(story[0], life[index]!, after));
    }),
    { seed },
  );
}

describe("the simulated machine", () => {
  it("tells the same story for the same seed", () => {
    fc.assert(
      fc.property(anyStory, (story) => {
        expect(live(story)).to.deep.equal(live(story));
      }),
      { seed, numRuns: 20 },
    );
  });

  it("never counts backwards, and counts only while it runs", () => {
    holds((profile, before, after) => {
      const cycles = after.cycleCount - before.cycleCount;
      const mostCycles = Math.ceil((after.timeMs - before.timeMs) / 1_000 / profile.cycleSeconds);
      expect(cycles).to.be.within(0, before.state === "running" ? mostCycles : 0);
    });
  });

  it("counts no lower after a restart than before it", () => {
    fc.assert(
      fc.property(anyStory, anySeed, (story, otherSeed) => {
        const last = live(story).at(-1)!;
        const restarted = startMachine(story[0], last.timeMs, otherSeed);
        expect(restarted.cycleCount).to.be.at.least(last.cycleCount);
      }),
      { seed },
    );
  });

  it("heats and cools no faster than its mass allows", () => {
    holds((profile, before, after) => {
      const seconds = (after.timeMs - before.timeMs) / 1_000;
      const farthest = 110 - profile.ambientC; // broken cooling against a cold hall
      const change = Math.abs(after.temperatureC - before.temperatureC);
      expect(change).to.be.at.most((farthest * seconds) / THERMAL_INERTIA_S);
    });
  });

  it("draws between nothing and its rated power", () => {
    holds((profile, _, { powerWatts }) => expect(powerWatts).to.be.within(0, profile.ratedPowerWatts));
  });

  it("crosses the limit of the rule only when its cooling has failed", () => {
    fc.assert(
      fc.property(anyStory, ([profile, ...rest]) => {
        const healthy = live([{ ...profile, overheatsPerHour: 0 }, ...rest]);
        expect(Math.max(...healthy.map(({ temperatureC }) => temperatureC))).to.be.below(OVERHEATED_C);
      }),
      { seed },
    );
  });

  it("does not run on once it has tripped, or after its shift", () => {
    holds((profile, before, after) => {
      if (before.state !== "running" && after.state === "running")
        expect(isInShift(profile, after.timeMs)).to.equal(true);
      if (after.temperatureC >= 90 && before.state === "running") expect(after.state).to.not.equal("running");
    });
  });

  it("reports what the platform accepts", () => {
    fc.assert(
      fc.property(anyStory, (story) => {
        for (const condition of live(story)) {
          const decoded = decodeReading(machineReading(story[0], condition), condition.timeMs);
          expect(isRefusal(decoded), JSON.stringify(decoded)).to.equal(false);
        }
      }),
      { seed, numRuns: 10 },
    );
  });
});
