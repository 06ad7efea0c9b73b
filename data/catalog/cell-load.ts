import type { Tier } from "../../model/tenant.ts";
import type { Queryable } from "../pool.ts";

/** What was measured of a cell's tenants since an instant. */
export interface MeasuredLoad {
  readonly cell: string;
  readonly tier: Tier;
  readonly tenantCount: number;
  /** Milliseconds that queries took, in the hour in which it was most. */
  readonly peakQueryMs: number;
  /** Of the tenants that live there now, each at its largest. */
  readonly storedBytes: number;
  /** Hours in which anything was used. */
  readonly measuredHours: number;
}

/** Cells that no move comes to or leaves, also as its way back; one in which nothing was used is at 0. */
export async function measuredLoads(service: Queryable, sinceMs: number): Promise<readonly MeasuredLoad[]> {
  const { rows } = await service.query<MeasuredLoad>(
    `select c.name as cell, c.tier, count(u.tenant)::int as "tenantCount",
            coalesce(max(u.peak_ms), 0)::float8 as "peakQueryMs", coalesce(sum(u.stored), 0)::float8 as "storedBytes",
            coalesce(max(u.hours), 0)::int as "measuredHours"
       from cell c
       left join (select p.cell, p.tenant, max(h.cell_query_ms) as peak_ms, max(h.storage_bytes) as stored, count(h.hour) as hours
                    from tenant_placement p left join usage_hour h on h.tenant = p.tenant and h.hour >= to_timestamp($1)
                   group by 1, 2) u on u.cell = c.name
      where not exists (select from tenant_move m where c.name in (m.source_cell, m.target_cell)
                                                    and m.state not in ('abandoned', 'finished'))
      group by c.name, c.tier order by c.name`,
    [sinceMs / 1000],
  );
  return rows;
}
