import { overEnvironmentBudget, type EnvironmentCost } from "./cost/environment-cost.ts";
import { MillwrightError } from "./errors.ts";
import { bytesText, durationText } from "./quantity-text.ts";
import type { TenantId, TenantState, Tier } from "./tenant.ts";
import type { TriggerConfig } from "./trigger-config.ts";
import { budgetHolds, roomHolds, type Room } from "./trigger-gate.ts";

/** Where a tenant is to go. */
export interface MoveTarget {
  readonly tier: Tier;
  /** A shared cell; the one with the most room when left out. */
  readonly cell?: string | undefined;
  /** From its own database into another one of its own. */
  readonly newServer?: boolean | undefined;
}

/** Public and stable, as error codes are: the runbook has a part for each. */
export const MOVE_REFUSALS = [
  "move-needless",
  "move-unfinished",
  "tenant-not-ready",
  "tenant-busy",
  "cell-unknown",
  "max-dedicated-tenants",
  "capacity",
  "budget",
  "environment-budget",
  "log-retention",
  "disk-full",
  "source-unreachable",
  "schema-drifted",
  "target-unreachable",
  "target-version",
  "target-not-empty",
] as const;

/** One reason why a move does not start or go on: what was seen, what is needed, what to do. */
export interface MoveRefusal {
  readonly code: (typeof MOVE_REFUSALS)[number];
  readonly message: string;
}

export interface SharedCellRoom {
  readonly tenantCapacity: number;
  readonly freePlaceCount: number;
}

/** What the catalog knows of a tenant that is to move. */
export interface MovingTenant {
  readonly tenant: TenantId;
  readonly state: TenantState;
  readonly budgetUsdPerMonth: number | null;
  /** What it costs on each tier, USD a month. */
  readonly costs: Readonly<Record<Tier, number>>;
  /** What the environment would cost with one more database, the tenant's own. */
  readonly environment: { readonly costWithDatabase: EnvironmentCost; readonly budgetUsdPerMonth: number };
  /** undefined: it has never had one */
  readonly home: { readonly cell: string; readonly tier: Tier } | undefined;
  /** Another operation than the move itself that waits or runs. */
  readonly operation: { readonly id: string; readonly kind: string } | undefined;
  /** Cells that follow the tenant's log: a move of it has not ended. */
  readonly followers: readonly string[];
  /** All of them, by name. */
  readonly sharedCells: ReadonlyMap<string, SharedCellRoom>;
  /** Other dedicated tenants, and servers that nobody has. */
  readonly room: Omit<Room, "sharedPlaceCount">;
}

/** Whether the tenant may move at all, and has a place to go to. */
export function placeRefusals(
  tenant: MovingTenant,
  target: MoveTarget,
  config: TriggerConfig,
): readonly MoveRefusal[] {
  const refusals = stateRefusals(tenant);
  if (tenant.home === undefined) return refusals;
  const { home, followers } = tenant;
  if (isThere(home, target)) {
    const other =
      target.tier === "shared" ? "name another shared cell" : "ask for a new server, or for the tier shared";
    refusals.push(refusal("move-needless", `It is ${home.tier} already, in ${home.cell}; ${other}.`));
  }
  if (followers.length > 0)
    refusals.push(
      refusal(
        "move-unfinished",
        `${followers.join(", ")} still follows as the way back of its last move; finish that move, or roll it back.`,
      ),
    );
  return [...refusals, ...roomRefusals(tenant, target, config)];
}

function stateRefusals({ tenant, state, home, operation }: MovingTenant): MoveRefusal[] {
  const refusals: MoveRefusal[] = [];
  if (operation !== undefined)
    refusals.push(
      refusal(
        "tenant-busy",
        `Its ${operation.kind} (operation ${operation.id}) is on its way; wait for its end.`,
      ),
    );
  if (home === undefined || (state !== "ready" && state !== "moving"))
    refusals.push(refusal("tenant-not-ready", `Tenant ${tenant} is ${state}; only a ready one can move.`));
  return refusals;
}

/** Whether the move would go to where the tenant is. */
export function isThere(home: { readonly cell: string; readonly tier: Tier }, target: MoveTarget): boolean {
  if (home.tier !== target.tier) return false;
  return target.tier === "shared" ? (target.cell ?? home.cell) === home.cell : target.newServer !== true;
}

/** The shared cell that a tenant would go to: the one with the most room, if any has; undefined for a dedicated one. */
export function targetCellOf(
  { home, sharedCells }: Pick<MovingTenant, "home" | "sharedCells">,
  { tier, cell }: MoveTarget,
): string | undefined {
  if (tier === "dedicated") return undefined;
  return [...sharedCells]
    .filter(
      ([name, { freePlaceCount }]) => name !== home?.cell && (cell ?? name) === name && freePlaceCount > 0,
    )
    .sort(([, one], [, other]) => other.freePlaceCount - one.freePlaceCount)
    .map(([name]) => name)[0];
}

const DEDICATED_REMEDIES = {
  budget: "Raise the budget of the tenant.",
  "max-dedicated-tenants": "Raise maxDedicatedTenants of the triggers, or move another tenant back.",
  capacity: "Add one to TIMESCALE_CELL_URLS, or finish an earlier move.",
};

function roomRefusals(
  { budgetUsdPerMonth, costs, environment, home, sharedCells, room }: MovingTenant,
  { tier, cell }: MoveTarget,
  config: TriggerConfig,
): readonly MoveRefusal[] {
  if (tier === "dedicated") {
    const holds = [
      ...budgetHolds(costs.dedicated, budgetUsdPerMonth),
      ...roomHolds(config, "upgrade", { ...room, sharedPlaceCount: 0 }),
    ];
    const over = overEnvironmentBudget(environment.costWithDatabase, environment.budgetUsdPerMonth);
    return [
      ...holds.map(({ gate, message }) => refusal(gate, `${message} ${DEDICATED_REMEDIES[gate]}`)),
      ...(over === undefined ? [] : [refusal("environment-budget", over)]),
    ];
  }
  if (cell !== undefined && !sharedCells.has(cell)) {
    const known = [...sharedCells.keys()].join(", ");
    return [refusal("cell-unknown", `There is no shared cell ${cell}; there are ${known}.`)];
  }
  if (targetCellOf({ home, sharedCells }, { tier, cell }) !== undefined) return [];
  if (cell !== undefined && cell === home?.cell) return []; // needless, whatever room it has
  const what = cell === undefined ? "No other shared database has room." : `${cell} has no room.`;
  return [refusal("capacity", `${what} Add a shared cell, or move a tenant out of one.`)];
}

/** @param freeBytes - undefined: nobody says, or the server is not chosen yet */
export function diskRefusals(neededBytes: number, freeBytes: number | undefined): readonly MoveRefusal[] {
  if (freeBytes === undefined || freeBytes >= neededBytes) return [];
  const [free, needed] = [bytesText(freeBytes), bytesText(neededBytes)];
  return [
    refusal(
      "disk-full",
      `The target has ${free} of disk free and needs ${needed}; enlarge it, or free some.`,
    ),
  ];
}

/** @param neededMs - from the mark to the end of the grace period */
export function retentionRefusals(neededMs: number, logKeptMs: number): readonly MoveRefusal[] {
  if (logKeptMs > neededMs) return [];
  const [kept, needed] = [durationText(logKeptMs), durationText(neededMs)];
  return [
    refusal(
      "log-retention",
      `The log holds a record for ${kept}; the copy and the time for a way back take ${needed}. Keep the log for longer.`,
    ),
  ];
}

/**
 * @throws MillwrightError `move-refused` with every reason, the code of each as its pointer; `database-unavailable`
 *   (retryable) when the only reason is a database that does not answer: it may be starting
 */
export function refuseMove(refusals: readonly MoveRefusal[]): void {
  const [first] = refusals;
  if (first === undefined) return;
  if (refusals.every(({ code }) => code === "source-unreachable" || code === "target-unreachable"))
    throw new MillwrightError("database-unavailable", first.message, { retryable: true });
  const fields = refusals.map(({ code, message }) => ({ pointer: `/${code}`, message }));
  throw new MillwrightError("move-refused", refusals.map(({ message }) => message).join(" "), { fields });
}

export function refusal(code: MoveRefusal["code"], message: string): MoveRefusal {
  return { code, message };
}
