import { HOURS_PER_MONTH } from "./cost/month.ts";
import type { Tier } from "./tenant.ts";
import type { TriggerConfig } from "./trigger-config.ts";
import { gateDecisions, type Hold, type Room } from "./trigger-gate.ts";
import { judge, loadOf, type Direction, type JudgedTenant, type TriggerReason } from "./trigger.ts";
import { HOUR_MS } from "./duration.ts";

/** A tenant as it was when the replay begins. */
export interface ReplayedTenant extends JudgedTenant {
  readonly tenant: string;
  readonly budgetUsdPerMonth: number | null;
  /** USD a month on each tier. */
  readonly costs: Readonly<Record<Tier, number>>;
}

/** What would have been decided, and what would have become of it. */
export interface ReplayedDecision {
  readonly tenant: string;
  readonly direction: Direction;
  /** End of the hour whose usage decided, milliseconds since the epoch. */
  readonly decidedAtMs: number;
  readonly reasons: readonly TriggerReason[];
  readonly startedAtMs: number | undefined;
  /** The values went back before it could start. */
  readonly withdrawnAtMs: number | undefined;
  /** Why it waited when it was decided. */
  readonly holds: readonly Hold[];
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
interface Replayed extends Mutable<ReplayedTenant> {
  open: Mutable<ReplayedDecision> | undefined;
}

export interface Replay {
  /** Milliseconds since the epoch at which hour 0 of the usage begins. */
  readonly firstHourMs: number;
  /** Hours to decide on: from `from`, before `to`. What lies before them is history for the windows. */
  readonly from: number;
  readonly to: number;
  readonly room: Room;
}

/** What a trigger set would have done. */
export interface ReplayResult {
  readonly decisions: readonly ReplayedDecision[];
  /** Hours that tenants would have had a database of their own, all tenants together. */
  readonly dedicatedHourCount: number;
  /** What those hours cost more than the same hours in a shared database, USD; less than 0 where they cost less. */
  readonly dedicatedUsd: number;
}

/**
 * Runs a trigger set over closed hours. A move that may start is taken as done at once; approval is taken as not given.
 * Decisions in the order of their hours, and within one of the tenants' names.
 */
export function replayTriggers(
  config: TriggerConfig,
  replayed: readonly ReplayedTenant[],
  { firstHourMs, from, to, room }: Replay,
): ReplayResult {
  const decisions: Mutable<ReplayedDecision>[] = [];
  let dedicatedHourCount = 0;
  let dedicatedUsd = 0;
  const tenants: Replayed[] = replayed
    .toSorted((a, b) => (a.tenant < b.tenant ? -1 : 1))
    .map((one) => ({ ...one, open: undefined }));
  const endMs = (hour: number) => firstHourMs + (hour + 1) * HOUR_MS;

  for (let hour = from; hour < to; hour++) {
    const fired = new Set<Replayed>();
    for (const tenant of tenants) {
      const judgement = judge(config, tenant, hour, true);
      if (judgement.kind === "rest") {
        if (tenant.open !== undefined) tenant.open.withdrawnAtMs = endMs(hour);
        tenant.raised = tenant.open = undefined;
      } else if (judgement.kind === "fire") {
        const { direction, reasons } = judgement;
        tenant.open = {
          ...{ tenant: tenant.tenant, direction, decidedAtMs: endMs(hour), reasons, holds: [] },
          ...{ startedAtMs: undefined, withdrawnAtMs: undefined },
        };
        decisions.push(tenant.open);
        fired.add(tenant);
        [tenant.raised, tenant.decidedHour] = [direction, hour];
      }
    }
    for (const { tier, costs } of tenants) {
      if (tier !== "dedicated") continue;
      dedicatedHourCount++;
      dedicatedUsd += (costs.dedicated - costs.shared) / HOURS_PER_MONTH;
    }
    startOpen(tenants, fired, hour);
  }
  return { decisions, dedicatedHourCount, dedicatedUsd: Math.round(dedicatedUsd * 100) / 100 };

  function startOpen(all: readonly Replayed[], fired: ReadonlySet<Replayed>, hour: number): void {
    const open = all.filter((tenant) => tenant.open !== undefined);
    if (open.length === 0) return;
    const dedicatedTenantCount = all.filter(({ tier }) => tier === "dedicated").length;
    const holds = gateDecisions(
      config,
      open.map((tenant) => ({
        ...{ tenant: tenant.tenant, direction: tenant.open?.direction ?? "upgrade" },
        load: loadOf(config, tenant.usage, hour),
        ...{ isApproved: false, isBusy: false, budgetUsdPerMonth: tenant.budgetUsdPerMonth },
        dedicatedUsdPerMonth: tenant.costs.dedicated,
      })),
      { ...room, dedicatedTenantCount },
      endMs(hour),
    );
    for (const tenant of open) {
      const held = holds.get(tenant.tenant) ?? [];
      if (tenant.open === undefined) continue;
      if (fired.has(tenant)) tenant.open.holds = held;
      if (held.length > 0) continue;
      tenant.open.startedAtMs = endMs(hour);
      tenant.tier = tenant.open.direction === "upgrade" ? "dedicated" : "shared";
      [tenant.tierSinceHour, tenant.hasChangedTier] = [hour, true];
      tenant.open = tenant.raised = undefined; // another tier puts the trigger to rest
    }
  }
}
