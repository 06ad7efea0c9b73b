import type { TenantId, TenantState, Tier } from "../../model/tenant.ts";
import type { Direction } from "../../model/trigger.ts";
import type { Queryable } from "../pool.ts";

/** What triggers need to know of a tenant, beside its usage. */
export interface TriggerTenant {
  readonly tenant: TenantId;
  readonly tier: Tier;
  readonly state: TenantState;
  readonly machines: number;
  readonly budgetUsdPerMonth: number | null;
  /** An operation of it waits or runs. */
  readonly isBusy: boolean;
  /** Since when it has this tier, or is there; milliseconds since the epoch. */
  readonly tierSinceMs: number;
  readonly hasChangedTier: boolean;
  /** The tier that the first decision after the beginning of a replay found. */
  readonly tierThen: Tier | undefined;
  /** The newest decision about it. */
  readonly last:
    | {
        readonly decision: string;
        readonly direction: Direction;
        readonly hourMs: number;
        /** The values have not gone back since. */
        readonly isRaised: boolean;
        /** It has neither started nor ended. */
        readonly isOpen: boolean;
        readonly isApproved: boolean;
      }
    | undefined;
}

interface Row {
  readonly tenant: TenantId;
  readonly tier: Tier;
  readonly state: TenantState;
  readonly machines: number;
  readonly budget: number | null;
  readonly is_busy: boolean;
  readonly created_at: Date;
  readonly tier_changed_at: Date | null;
  readonly next_direction: Direction | null;
  readonly decision: string | null;
  readonly direction: Direction;
  readonly hour: Date;
  readonly is_raised: boolean;
  readonly is_open: boolean;
  readonly is_approved: boolean;
}

/**
 * All tenants that are there. @param before - looks at decisions made before it only, and at their state then: for a replay
 */
export async function triggerTenants(service: Queryable, before?: Date): Promise<readonly TriggerTenant[]> {
  const { rows } = await service.query<Row>(
    `select t.tenant, t.tier, t.state, t.machines, t.budget_usd_per_month::float8 as budget, t.created_at, t.tier_changed_at,
            t.tenant in (select o.tenant from operation o where o.status in ('queued', 'running')) as is_busy,
            (select n.direction from trigger_decision n where n.tenant = t.tenant and n.hour >= $1
              order by n.sequence limit 1) as next_direction,
            d.decision, d.direction, d.hour, d.approved_at is not null as is_approved,
            coalesce(d.rested_at >= $1, d.rested_at is null) as is_raised, d.status = 'recommended' as is_open
       from tenant t
       left join lateral (select * from trigger_decision d where d.tenant = t.tenant and ($1::timestamptz is null or d.hour < $1)
                           order by sequence desc limit 1) d on true
      where t.state in ('ready', 'moving') order by t.tenant`,
    [before ?? null],
  );
  return rows.map((row) => ({
    ...{ tenant: row.tenant, tier: row.tier, state: row.state, machines: row.machines },
    budgetUsdPerMonth: row.budget,
    isBusy: row.is_busy,
    tierSinceMs: (row.tier_changed_at ?? row.created_at).getTime(),
    hasChangedTier: row.tier_changed_at !== null,
    tierThen:
      row.next_direction === null ? undefined : row.next_direction === "upgrade" ? "shared" : "dedicated",
    last:
      row.decision === null
        ? undefined
        : {
            ...{ decision: row.decision, direction: row.direction, hourMs: row.hour.getTime() },
            ...{ isRaised: row.is_raised, isOpen: row.is_open, isApproved: row.is_approved },
          },
  }));
}

/** Servers for dedicated databases that a cell has taken. */
export async function takenServerCount(service: Queryable): Promise<number> {
  const { rows } = await service.query<{ count: number }>(
    "select count(*)::int as count from cell where server is not null",
  );
  return rows[0]?.count ?? 0;
}
