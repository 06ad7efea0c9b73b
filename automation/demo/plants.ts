import { Dice, type MachineProfile } from "../../model/machine-simulation.ts";
import type { SiteProfile } from "../../model/site-simulation.ts";
import type { TenantId } from "../../model/tenant.ts";
import { tenantId } from "../../model/tenant.ts";

/** A tenant of the demo with its plant. */
export interface DemoPlant {
  readonly tenant: TenantId;
  readonly name: string;
  readonly site: SiteProfile;
}

export const MACHINES_PER_TENANT = 15;

interface Trade {
  readonly id: string;
  readonly name: string;
  readonly machineType: string;
  readonly ratedPowerWatts: number;
  readonly runningC: number;
  readonly cycleSeconds: number;
}

const TRADES: readonly Trade[] = [
  {
    id: "demo-forge",
    name: "Demo Forge",
    machineType: "forging-press",
    ratedPowerWatts: 45_000,
    runningC: 66,
    cycleSeconds: 18,
  },
  {
    id: "demo-plastics",
    name: "Demo Plastics",
    machineType: "injection-moulder",
    ratedPowerWatts: 22_000,
    runningC: 60,
    cycleSeconds: 32,
  },
  {
    id: "demo-foods",
    name: "Demo Foods",
    machineType: "packaging-line",
    ratedPowerWatts: 7_500,
    runningC: 48,
    cycleSeconds: 4,
  },
];

/** Every plant has one machine with a weak cooling, so that somebody who watches meets an alert within minutes. */
const OVERHEATS_PER_HOUR = { usual: 0.05, weak: 40 };
const MAX_CLOCK_SKEW_MS = 1_500;

/** The same seed gives the same machines with the same peculiarities. */
export function demoPlants(seed: number): DemoPlant[] {
  return TRADES.map((trade, index) => demoPlant(trade, seed + index * 1_000));
}

function demoPlant(trade: Trade, seed: number): DemoPlant {
  const dice = new Dice(seed);
  const around = (value: number, share: number) => value * (1 - share + 2 * share * dice.roll());
  const siteId = `${trade.id.replace("demo-", "")}-1`;
  const machines = Array.from({ length: MACHINES_PER_TENANT }, (_, index): MachineProfile => {
    const number = String(index + 1).padStart(3, "0");
    return {
      machineId: `m-${number}`,
      siteId,
      machineType: trade.machineType,
      ratedPowerWatts: Math.round(around(trade.ratedPowerWatts, 0.2)),
      ambientC: around(21, 0.1),
      runningC: around(trade.runningC, 0.1),
      cycleSeconds: Math.round(around(trade.cycleSeconds, 0.15)),
      shift: index < 10 ? "always" : "day",
      overheatsPerHour: index === 0 ? OVERHEATS_PER_HOUR.weak : OVERHEATS_PER_HOUR.usual,
      clockSkewMs: Math.round((2 * dice.roll() - 1) * MAX_CLOCK_SKEW_MS),
    };
  });
  const site = { siteId, meterId: "meter-1", airSensorId: "air-1", machines, baseLoadWatts: 4_000 };
  return { tenant: tenantId.parse(trade.id), name: trade.name, site };
}
