import { nextOpenMs } from "./channel-hours.ts";
import type { TriggerConfig } from "./trigger-config.ts";
import type { Direction } from "./trigger.ts";

export const GATES = [
  "approval-required",
  "tenant-busy",
  "maintenance-window",
  "budget",
  "max-dedicated-tenants",
  "capacity",
  "move",
] as const;
export type Gate = (typeof GATES)[number];

/** Why a decision does not start its move now. */
export interface Hold<Of extends Gate = Gate> {
  readonly gate: Of;
  readonly message: string;
}

/** A decision that has neither started nor ended. */
export interface OpenDecision {
  readonly tenant: string;
  readonly direction: Direction;
  /** How far beyond its limits the tenant is now. */
  readonly load: number;
  readonly isApproved: boolean;
  /** In the middle of another operation, or not ready for one. */
  readonly isBusy: boolean;
  readonly budgetUsdPerMonth: number | null;
  /** What it would cost with a database of its own. */
  readonly dedicatedUsdPerMonth: number;
}

/** What there is room for. */
export interface Room {
  /** Tenants that have, or are on the way to, a database of their own. */
  readonly dedicatedTenantCount: number;
  /** Servers for dedicated databases that nobody has; Infinity where they are built. */
  readonly freeServerCount: number;
  /** Places for tenants in shared databases. */
  readonly sharedPlaceCount: number;
}

/**
 * Why each decision must wait; without a hold it starts. Where there are fewer places than decisions that may start, those
 * with the highest load get them, and of equal ones the first by name: the order of `open` does not matter.
 * @returns holds by tenant
 */
export function gateDecisions(
  config: TriggerConfig,
  open: readonly OpenDecision[],
  room: Room,
  nowMs: number,
): ReadonlyMap<string, readonly Hold[]> {
  let dedicatedTenantCount = room.dedicatedTenantCount;
  let [freeServerCount, sharedPlaceCount] = [room.freeServerCount, room.sharedPlaceCount];
  const ranked = open.toSorted((a, b) => b.load - a.load || (a.tenant < b.tenant ? -1 : 1));
  return new Map(
    ranked.map((decision) => {
      const holds = holdsOf(config, decision, nowMs);
      const { direction } = decision;
      holds.push(
        ...roomHolds(config, direction, { dedicatedTenantCount, freeServerCount, sharedPlaceCount }),
      );
      if (holds.length === 0) {
        if (direction === "downgrade") sharedPlaceCount--;
        else [dedicatedTenantCount, freeServerCount] = [dedicatedTenantCount + 1, freeServerCount - 1];
      }
      return [decision.tenant, holds];
    }),
  );
}

function holdsOf(
  config: TriggerConfig,
  { direction, isApproved, isBusy, budgetUsdPerMonth, dedicatedUsdPerMonth }: OpenDecision,
  nowMs: number,
): Hold[] {
  const { upgrade, downgrade, maintenanceWindow } = config;
  const { mode } = direction === "upgrade" ? upgrade : downgrade;
  const holds: Hold[] = [];
  if (mode === "approval" && !isApproved) holds.push(hold("approval-required", "A person must approve it."));
  if (isBusy) holds.push(hold("tenant-busy", "The tenant is not ready, or another operation has it."));
  if (maintenanceWindow !== null) {
    const opensMs = nextOpenMs(maintenanceWindow, nowMs);
    if (opensMs > nowMs)
      holds.push(hold("maintenance-window", `Moves may start from ${new Date(opensMs).toISOString()} on.`));
  }
  if (direction === "upgrade") holds.push(...budgetHolds(dedicatedUsdPerMonth, budgetUsdPerMonth));
  return holds;
}

/** Whether the tenant may spend what it costs with a database of its own. */
export function budgetHolds(usd: number, budget: number | null): readonly Hold<"budget">[] {
  if (budget === null || budget >= usd) return [];
  return [
    hold("budget", `With a database of its own it would cost ${usd} USD a month, the budget is ${budget}.`),
  ];
}

/** Whether there is a place for one more tenant. */
export function roomHolds(
  { maxDedicatedTenants: limit }: Pick<TriggerConfig, "maxDedicatedTenants">,
  direction: Direction,
  { dedicatedTenantCount: count, freeServerCount, sharedPlaceCount }: Room,
): readonly Hold<"max-dedicated-tenants" | "capacity">[] {
  if (direction === "downgrade")
    return sharedPlaceCount > 0 ? [] : [hold("capacity", "No shared database has room.")];
  return [
    ...(count < limit
      ? []
      : [hold("max-dedicated-tenants", `${count} of ${limit} dedicated tenants exist.`)]),
    ...(freeServerCount > 0 ? [] : [hold("capacity", "No server for a dedicated database is free.")]),
  ];
}

function hold<Of extends Gate>(gate: Of, message: string): Hold<Of> {
  return { gate, message };
}
