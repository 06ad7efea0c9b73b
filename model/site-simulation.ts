import {
  advanceMachine,
  COUNTING_SINCE_MS,
  Dice,
  isInShift,
  machineReading,
  round,
  startMachine,
  type MachineCondition,
  type MachineProfile,
} from "./machine-simulation.ts";
import type { WireReading } from "./reading.ts";

/** A simulated plant: its machines, the meter of its supply and an air sensor in its hall. */
export interface SiteProfile {
  readonly siteId: string;
  readonly meterId: string;
  readonly airSensorId: string;
  readonly machines: readonly MachineProfile[];
  /** Light, heating and offices: drawn day and night. */
  readonly baseLoadWatts: number;
}

export interface SiteCondition {
  readonly timeMs: number;
  readonly machines: readonly MachineCondition[];
  readonly kwh: number;
  readonly random: number;
}

/** One reading and whether it can leave its device now. */
export interface Measured {
  readonly deviceId: string;
  readonly reading: WireReading;
  readonly isLinkUp: boolean;
}

const SUPPLY_VOLTS = 400;
const POWER_FACTOR = 0.92;
/** Meter and air sensor report that often; a machine reports each time. */
const SLOW_SENSOR_MS = 10_000;

export function startSite(profile: SiteProfile, timeMs: number, seed: number): SiteCondition {
  const peakWatts = profile.machines.reduce(
    (sum, { ratedPowerWatts }) => sum + ratedPowerWatts,
    profile.baseLoadWatts,
  );
  return {
    timeMs,
    machines: profile.machines.map((machine, index) => startMachine(machine, timeMs, seed + index)),
    kwh: kilowattHours(peakWatts, Math.max(0, timeMs - COUNTING_SINCE_MS)),
    random: seed,
  };
}

export function advanceSite(profile: SiteProfile, before: SiteCondition, timeMs: number): SiteCondition {
  const machines = before.machines.map((condition, index) => {
    const machine = profile.machines[index];
    return machine === undefined ? condition : advanceMachine(machine, condition, timeMs);
  });
  const dice = new Dice(before.random);
  dice.roll();
  const kwh = before.kwh + kilowattHours(loadWatts(profile, machines), Math.max(0, timeMs - before.timeMs));
  return { timeMs, machines, kwh, random: dice.state };
}

/** What the devices of the plant report at this moment. */
export function siteReadings(profile: SiteProfile, site: SiteCondition): Measured[] {
  const measured = site.machines.flatMap((condition, index) => {
    const machine = profile.machines[index];
    if (machine === undefined) return [];
    const isLinkUp = site.timeMs >= condition.linkDownUntilMs;
    return [{ deviceId: machine.machineId, reading: machineReading(machine, condition), isLinkUp }];
  });
  if (Math.floor(site.timeMs / 1_000) % (SLOW_SENSOR_MS / 1_000) !== 0) return measured;
  const slow = [meterReading(profile, site), airReading(profile, site)];
  return [...measured, ...slow.map((reading) => ({ deviceId: reading.machineId, reading, isLinkUp: true }))];
}

function meterReading(profile: SiteProfile, { timeMs, machines, kwh }: SiteCondition): WireReading {
  const amperes = loadWatts(profile, machines) / (Math.sqrt(3) * SUPPLY_VOLTS * POWER_FACTOR);
  return {
    type: "energy",
    machineId: profile.meterId,
    siteId: profile.siteId,
    ts: new Date(timeMs).toISOString(),
    values: {
      circuit_name: "main supply",
      voltage: SUPPLY_VOLTS,
      current: round(amperes, 2),
      power_factor: POWER_FACTOR,
      kwh_cumulative: round(kwh, 4),
    },
  };
}

/** Air follows people and machines: breath by day, dust and solvents with what runs, warmth with the sun. */
function airReading(profile: SiteProfile, { timeMs, machines, random }: SiteCondition): WireReading {
  const dice = new Dice(random);
  const noise = (width: number) => width * (dice.roll() - 0.5);
  const running = machines.filter(({ state }) => state === "running").length / Math.max(1, machines.length);
  const sun = Math.sin(((timeMs % 86_400_000) / 86_400_000 - 0.375) * 2 * Math.PI); // highest at 15:00 UTC
  const people = isInShift({ shift: "day" }, timeMs) ? 1 : 0.15;
  return {
    type: "air-quality",
    machineId: profile.airSensorId,
    siteId: profile.siteId,
    ts: new Date(timeMs).toISOString(),
    values: {
      location: "hall 1",
      co2_ppm: round(430 + 350 * people + 60 * sun + noise(20), 0),
      voc_ppb: round(90 + 250 * running + noise(20), 0),
      pm25_ugm3: round(6 + 18 * running + noise(2), 1),
      pm10_ugm3: round(11 + 30 * running + noise(3), 1),
      temperature_c: round(20 + 3 * sun + 2 * running + noise(0.2), 2),
      humidity_pct: round(45 - 6 * sun + noise(1), 1),
    },
  };
}

function loadWatts({ baseLoadWatts }: SiteProfile, machines: readonly MachineCondition[]): number {
  return machines.reduce((sum, { powerWatts }) => sum + powerWatts, baseLoadWatts);
}

function kilowattHours(watts: number, ms: number): number {
  return (watts * ms) / 3.6e9;
}
