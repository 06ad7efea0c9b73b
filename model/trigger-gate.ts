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
export interface Hold {
  readonly gate: Gate;
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
      if (decision.direction === "upgrade") {
        const { maxDedicatedTenants: limit } = config;
        if (dedicatedTenantCount >= limit)
          holds.push(
            hold("max-dedicated-tenants", `${dedicatedTenantCount} of ${limit} dedicated tenants exist.`),
          );
        if (freeServerCount <= 0) holds.push(hold("capacity", "No server for a dedicated database is free."));
        if (holds.length === 0)
          [dedicatedTenantCount, freeServerCount] = [dedicatedTenantCount + 1, freeServerCount - 1];
      } else {
        if (sharedPlaceCount <= 0) holds.push(hold("capacity", "No shared database has room."));
        if (holds.length === 0) sharedPlaceCount--;
      }
      return [decision.tenant, holds];
    }),
  );
}

function holdsOf(
  { upgrade, downgrade, maintenanceWindow, dedicatedUsdPerMonth }: TriggerConfig,
  { direction, isApproved, isBusy, budgetUsdPerMonth: budget }: OpenDecision,
  nowMs: number,
): Hold[] {
  const { mode } = direction === "upgrade" ? upgrade : downgrade;
  const holds: Hold[] = [];
  if (mode === "approval" && !isApproved) holds.push(hold("approval-required", "A person must approve it."));
  if (isBusy) holds.push(hold("tenant-busy", "The tenant is not ready, or another operation has it."));
  if (maintenanceWindow !== null) {
    const opensMs = nextOpenMs(maintenanceWindow, nowMs);
    if (opensMs > nowMs)
      holds.push(hold("maintenance-window", `Moves may start from ${new Date(opensMs).toISOString()} on.`));
  }
  if (direction === "upgrade" && budget !== null && budget < dedicatedUsdPerMonth)
    holds.push(
      hold(
        "budget",
        `A dedicated database costs ${dedicatedUsdPerMonth} USD a month, the budget is ${budget}.`,
      ),
    );
  return holds;
}

function hold(gate: Gate, message: string): Hold {
  return { gate, message };
}
