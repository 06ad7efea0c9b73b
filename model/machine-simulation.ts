import type { WireReading } from "./reading.ts";

/**
 * A simulated machine, for the demo: pure and seeded, so that the same seed tells the same story. It moves between
 * five states:
 * - `running` makes pieces and warms up; now and then its cooling fails, and it heats up until it trips;
 * - `idle` waits for material, `setup` is being changed over: both draw little and make nothing;
 * - `fault` stands until somebody has repaired it;
 * - `offline` is switched off, as every machine of the day shift is at night.
 * Besides its state it may be out of touch for some minutes: what it measures then arrives late.
 */
export const MACHINE_STATES = ["running", "idle", "setup", "fault", "offline"] as const;
type MachineState = (typeof MACHINE_STATES)[number];

export interface MachineProfile {
  readonly machineId: string;
  readonly siteId: string;
  readonly machineType: string;
  readonly ratedPowerWatts: number;
  readonly ambientC: number;
  /** Where the temperature ends up when it runs and the cooling works. */
  readonly runningC: number;
  /** Length of one cycle, which makes one piece. */
  readonly cycleSeconds: number;
  readonly shift: "day" | "always";
  /** Cooling failures in an hour of running. */
  readonly overheatsPerHour: number;
  /** How far its clock is wrong; ahead is positive. */
  readonly clockSkewMs: number;
}

/** All that the next moment depends on; plain data. */
export interface MachineCondition {
  readonly timeMs: number;
  readonly state: MachineState;
  readonly stateEndsMs: number;
  readonly powerWatts: number;
  readonly temperatureC: number;
  readonly cycleCount: number;
  /** Share of the running cycle that is done, 0 to 1. */
  readonly cycleShare: number;
  readonly isCoolingBroken: boolean;
  /** Until then nothing reaches the platform. */
  readonly linkDownUntilMs: number;
  readonly random: number;
}

/** Above what any machine reaches with working cooling, below where it trips: the limit of the demo's rule. */
export const OVERHEATED_C = 80;
const TRIP_C = 90;
const BROKEN_COOLING_C = 110;
export const THERMAL_INERTIA_S = 180;
const POWER_INERTIA_S = 4;
const LINK_FAILURES_PER_HOUR = 0.5;
const DAY_SHIFT_UTC = { fromHour: 5, toHour: 21 };
/** Meters and counters count as if everything had run at full speed since then: after a restart none is lower. */
export const COUNTING_SINCE_MS = Date.UTC(2026, 0, 1);

interface StateFacts {
  readonly meanSeconds: number;
  /** Share of the rated power, and of the way from the surrounding to the running temperature. */
  readonly power: number;
  readonly warmth: number;
  readonly next: readonly (readonly [MachineState, number])[];
}

const STATES: Readonly<Record<MachineState, StateFacts>> = {
  running: {
    meanSeconds: 900,
    power: 0.85,
    warmth: 1,
    next: [
      ["idle", 0.6],
      ["setup", 0.3],
      ["fault", 0.1],
    ],
  },
  idle: {
    meanSeconds: 180,
    power: 0.12,
    warmth: 0.3,
    next: [
      ["running", 0.8],
      ["setup", 0.2],
    ],
  },
  setup: {
    meanSeconds: 300,
    power: 0.25,
    warmth: 0.4,
    next: [
      ["running", 0.9],
      ["idle", 0.1],
    ],
  },
  fault: {
    meanSeconds: 240,
    power: 0.04,
    warmth: 0.1,
    next: [
      ["setup", 0.7],
      ["idle", 0.3],
    ],
  },
  offline: { meanSeconds: 600, power: 0, warmth: 0, next: [["idle", 1]] },
};

/** A machine as it is found at `timeMs`: in some state, warmed up as that state warms. */
export function startMachine(profile: MachineProfile, timeMs: number, seed: number): MachineCondition {
  const dice = new Dice(seed);
  const isStaffed = isInShift(profile, timeMs);
  const state = isStaffed
    ? pick(dice, [
        ["running", 0.7],
        ["idle", 0.2],
        ["setup", 0.1],
      ])
    : "offline";
  const facts = STATES[state];
  return {
    timeMs,
    state,
    stateEndsMs: timeMs + dwellMs(dice, facts),
    powerWatts: profile.ratedPowerWatts * facts.power,
    temperatureC: warmthTo(profile, facts.warmth),
    cycleCount: Math.ceil(Math.max(0, timeMs - COUNTING_SINCE_MS) / 1_000 / profile.cycleSeconds),
    cycleShare: 0,
    isCoolingBroken: false,
    linkDownUntilMs: timeMs,
    random: dice.state,
  };
}

/** The machine at `timeMs`, seconds after `before`; a longer gap is taken as one long step in its last state. */
export function advanceMachine(
  profile: MachineProfile,
  before: MachineCondition,
  timeMs: number,
): MachineCondition {
  const seconds = Math.max(0, timeMs - before.timeMs) / 1_000;
  const dice = new Dice(before.random);
  const happens = (perHour: number) => dice.roll() < (perHour * seconds) / 3_600;

  const isRunning = before.state === "running";
  const isCoolingBroken = isRunning && (before.isCoolingBroken || happens(profile.overheatsPerHour));
  const facts = STATES[before.state];
  const restC = isCoolingBroken ? BROKEN_COOLING_C : warmthTo(profile, facts.warmth);
  const temperatureC = approach(before.temperatureC, restC, seconds / THERMAL_INERTIA_S);
  const load = isRunning ? 0.9 + 0.2 * dice.roll() : 1; // each piece is a little different
  const powerWatts = approach(
    before.powerWatts,
    profile.ratedPowerWatts * facts.power * load,
    seconds / POWER_INERTIA_S,
  );
  const cycles = before.cycleShare + (isRunning ? seconds / profile.cycleSeconds : 0);
  const isLinkLost = timeMs > before.linkDownUntilMs && happens(LINK_FAILURES_PER_HOUR);

  const hasTripped = isRunning && temperatureC >= TRIP_C;
  const isOver = hasTripped || timeMs >= before.stateEndsMs;
  const state = hasTripped ? "fault" : isOver ? nextState(profile, before.state, timeMs, dice) : before.state;
  return {
    timeMs,
    state,
    stateEndsMs: isOver ? timeMs + dwellMs(dice, STATES[state]) : before.stateEndsMs,
    powerWatts,
    temperatureC,
    cycleCount: before.cycleCount + Math.floor(cycles),
    cycleShare: cycles % 1,
    isCoolingBroken,
    linkDownUntilMs: isLinkLost ? timeMs + 30_000 + dice.roll() * 150_000 : before.linkDownUntilMs,
    random: dice.state,
  };
}

/** What the machine itself would report, by its own clock. */
export function machineReading(profile: MachineProfile, condition: MachineCondition): WireReading {
  const { state, powerWatts, temperatureC, cycleCount, timeMs } = condition;
  return {
    type: "machine",
    machineId: profile.machineId,
    siteId: profile.siteId,
    ts: new Date(timeMs + profile.clockSkewMs).toISOString(),
    values: {
      state,
      machine_type: profile.machineType,
      ...(state === "fault"
        ? { error_code: temperatureC > OVERHEATED_C ? "E-OVERHEATED" : "E-STOPPED" }
        : {}),
      power_watts: round(powerWatts, 1),
      temperature_c: round(temperatureC, 2),
      cycle_count: cycleCount,
    },
  };
}

/** Whether people work on it now. */
export function isInShift({ shift }: Pick<MachineProfile, "shift">, timeMs: number): boolean {
  const hour = new Date(timeMs).getUTCHours();
  return shift === "always" || (hour >= DAY_SHIFT_UTC.fromHour && hour < DAY_SHIFT_UTC.toHour);
}

function nextState(profile: MachineProfile, state: MachineState, timeMs: number, dice: Dice): MachineState {
  return isInShift(profile, timeMs) ? pick(dice, STATES[state].next) : "offline";
}

function pick(dice: Dice, choices: readonly (readonly [MachineState, number])[]): MachineState {
  let rest = dice.roll();
  for (const [state, share] of choices) {
    if (rest < share) return state;
    rest -= share;
  }
  return "idle"; // the shares add up to 1 but for rounding
}

function dwellMs(dice: Dice, { meanSeconds }: StateFacts): number {
  return meanSeconds * 1_000 * (0.5 + dice.roll());
}

function warmthTo({ ambientC, runningC }: MachineProfile, warmth: number): number {
  return ambientC + (runningC - ambientC) * warmth;
}

/** First-order lag: `share` is the elapsed time in time constants. */
function approach(from: number, to: number, share: number): number {
  return to + (from - to) * Math.exp(-share);
}

export function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

/** mulberry32: 32 bits of state are enough for a story, and small enough to be part of the condition. */
export class Dice {
  state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  /** Evenly in [0, 1). */
  roll(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }
}
