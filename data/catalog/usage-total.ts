import type { Queryable } from "../pool.ts";
import type { MonthlyUsage } from "../../model/cost/usage.ts";
import type { Tier } from "../../model/tenant.ts";
import { DAY_MS } from "../../model/duration.ts";

/** Tenants of one tier together: how long they were there, and what they used. */
export interface TierTotal {
  readonly hours: number;
  readonly use: MonthlyUsage;
}

/**
 * What all tenants of each tier used in whole days of UTC, without one of them. Sizes are averages over the days.
 * @param except - whose use is not counted; undefined: everybody's is
 */
export async function usageTotals(
  service: Queryable,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
  except?: string,
): Promise<ReadonlyMap<Tier, TierTotal>> {
  // By tenant before it is joined, which a wrong guess of the planner cannot turn into a loop over all days; as floats, which
  // are summed faster than numerics: each quote waits for it.
  const { rows } = await service.query<{ tier: Tier; hours: number } & MonthlyUsage>(
    `select tier, sum(extract(epoch from to_timestamp($2) - greatest(created_at, to_timestamp($1))) / 3600)::float8 as hours,
            coalesce(sum(readings), 0)::float8 as readings, coalesce(sum(log_bytes), 0)::float8 as "logBytes",
            coalesce(sum(queries), 0)::float8 as queries, coalesce(sum(query_ms), 0)::float8 as "queryMs",
            coalesce(sum(storage_bytes), 0)::float8 / $3 as "storageBytes", coalesce(sum(sent), 0)::float8 as notifications
       from tenant
       left join (select tenant, sum(row_count::float8) as readings, sum(byte_count::float8) as log_bytes,
                         sum((query_count + coalesce(direct_query_count, 0))::float8) as queries,
                         sum(query_ms + coalesce(direct_query_ms, 0)) as query_ms,
                         sum(storage_bytes::float8) as storage_bytes
                    from usage_day where day >= to_timestamp($1) and day < to_timestamp($2) group by tenant) u using (tenant)
       left join (select tenant, count(*) as sent from delivery
                   where created_at >= to_timestamp($1) and created_at < to_timestamp($2) and first_tried_at is not null
                   group by tenant) n using (tenant)
      where created_at < to_timestamp($2) and tenant is distinct from $4
      group by tier`,
    [fromMs / 1000, toMs / 1000, (toMs - fromMs) / DAY_MS, except ?? null],
  );
  // What the archive holds is not metered.
  return new Map(
    rows.map(({ tier, hours, ...used }) => [tier, { hours, use: { ...used, archiveBytes: 0 } }]),
  );
}
