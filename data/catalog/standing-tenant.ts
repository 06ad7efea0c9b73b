import type { StandingTenant } from "../../model/cost/environment-cost.ts";
import { HOURS_PER_MONTH } from "../../model/cost/month.ts";
import { stretchUsage, type MonthlyUsage } from "../../model/cost/usage.ts";
import type { Queryable } from "../pool.ts";

/** A first hour, in which a history is brought in, says little of a month; a first day says more. */
const LEAST_HOURS = 24;

/**
 * Every tenant that has anything here, or will have: also one whose create waits, whose update or move was accepted, or whose
 * delete has not ended. An update that failed counts, too: it may be retried.
 * @param fromMs - since when use is looked at; whole days of UTC
 * @returns by tenant
 */
export async function standingTenants(
  service: Queryable,
  { fromMs, nowMs }: { readonly fromMs: number; readonly nowMs: number },
): Promise<Map<string, StandingTenant>> {
  const { rows } = await service.query<
    { id: string; machines: number; ownDatabases: number; hours: number } & MonthlyUsage
  >(
    `select t.tenant as id, greatest(t.machines, o.machines) as machines,
            case when m.tenant is null then (t.tier = 'dedicated')::int
                 else (m.source_tier = 'dedicated')::int + (m.target_tier = 'dedicated')::int end as "ownDatabases",
            extract(epoch from to_timestamp($2) - greatest(t.created_at, to_timestamp($1)))::float8 / 3600 as hours,
            coalesce(u.readings, 0) as readings, coalesce(u.log_bytes, 0) as "logBytes", coalesce(u.queries, 0) as queries,
            coalesce(u.query_ms, 0) as "queryMs", coalesce(u.storage_bytes, 0) as "storageBytes",
            coalesce(n.sent, 0) as notifications, 0::float8 as "archiveBytes"
       from tenant t
       left join tenant_move m on m.tenant = t.tenant and m.state not in ('abandoned', 'finished')
       left join lateral (select case when kind = 'update' and status in ('queued', 'running', 'failed')
                                      then (input ->> 'machines')::int end as machines
                            from operation where tenant = t.tenant order by position desc limit 1) o on true
       left join (select tenant, sum(row_count::float8) as readings, sum(byte_count::float8) as log_bytes,
                         sum((query_count + coalesce(direct_query_count, 0))::float8) as queries,
                         sum((query_ms + coalesce(direct_query_ms, 0))::float8) as query_ms,
                         sum(storage_bytes::float8) as storage_bytes
                    from usage_day where day >= to_timestamp($1) and day < to_timestamp($2) group by tenant) u
         on u.tenant = t.tenant
       left join (select tenant, count(*)::float8 as sent from delivery
                   where created_at >= to_timestamp($1) and created_at < to_timestamp($2) and first_tried_at is not null
                   group by tenant) n on n.tenant = t.tenant`,
    [fromMs / 1000, nowMs / 1000],
  );
  return new Map(
    rows.map(({ id, machines, ownDatabases, hours, ...used }) => {
      const seenHours = Math.max(LEAST_HOURS, hours);
      // Sizes are summed over days: their average is what lies there.
      const use = { ...used, storageBytes: used.storageBytes / (seenHours / 24) };
      return [id, { machines, ownDatabases, measured: stretchUsage(use, HOURS_PER_MONTH / seenHours) }];
    }),
  );
}
