import type { BilledTenancy } from "../../model/cost/attribution.ts";
import type { MonthlyUsage } from "../../model/cost/usage.ts";
import { DAY_MS, HOUR_MS } from "../../model/duration.ts";
import type { TenantId } from "../../model/tenant.ts";
import type { Queryable } from "../pool.ts";

/** Milliseconds since the epoch; begins with a day of UTC, since usage is kept by day. `toMs` is exclusive. */
export interface BillPeriod {
  readonly fromMs: number;
  readonly toMs: number;
}

interface Row extends MonthlyUsage {
  readonly tenant: string;
  readonly since: Date;
  readonly untilAt: Date | null;
  /** That it had a database of its own, as far as is recorded. */
  readonly dedicatedSeconds: number;
}

/** By name of the columns of a bill's usage: what they are in both tables. */
const SUMS = `sum(row_count)::float8 as readings, sum(byte_count)::float8 as "logBytes", sum(query_count)::float8 as queries,
  sum(query_ms) as "queryMs", sum(storage_bytes)::float8 / $3 as "storageBytes"`;
const DEDICATED = `(select about_tenant as tenant, since,
         sum(extract(epoch from least(to_timestamp($2), coalesce(until_at, to_timestamp($2)))
                              - greatest(to_timestamp($1), from_at)))::float8 as "dedicatedSeconds"
    from stack_cost
   where tier = 'dedicated' and from_at < to_timestamp($2) and (until_at is null or until_at > to_timestamp($1))
   group by 1, 2) d`;
const ALL_QUERIES = "query_count + coalesce(direct_query_count, 0)";
const ALL_QUERY_MS = "query_ms + coalesce(direct_query_ms, 0)";
const USED = ["readings", "logBytes", "queries", "queryMs", "storageBytes", "notifications"]
  .map((name) => `coalesce("${name}", 0) as "${name}"`)
  .join(", ");

/** Every tenant that was there in the period, the deleted ones included: how long, and what it used. */
export async function billedTenancies(
  service: Queryable,
  { fromMs, toMs }: BillPeriod,
): Promise<readonly BilledTenancy[]> {
  const { rows } = await service.query<Row>(
    `select tenant, created_at::timestamptz(3) as since, null::timestamptz as "untilAt", ${USED},
            coalesce("dedicatedSeconds", 0) as "dedicatedSeconds"
       from tenant t
       left join (select tenant, ${SUMS}
                    from (select tenant, row_count, byte_count, ${ALL_QUERIES} as query_count, ${ALL_QUERY_MS} as query_ms,
                                 coalesce(storage_bytes, 0) as storage_bytes
                            from usage_day where day >= to_timestamp($1) and day < to_timestamp($2)) d
                   group by tenant) u using (tenant)
       left join (select tenant, count(*)::float8 as notifications from delivery
                   where created_at >= to_timestamp($1) and created_at < to_timestamp($2) and first_tried_at is not null
                   group by tenant) n using (tenant)
       left join (select tenant as id, since, "dedicatedSeconds" from ${DEDICATED}) own
         on own.id = t.tenant and own.since = t.created_at::timestamptz(3)
      where created_at < to_timestamp($2)
     union all
     select about_tenant, f.since, until_at, ${USED}, coalesce("dedicatedSeconds", 0)
       from former_tenancy f
       left join (select about_tenant, since, ${SUMS}, sum(notification_count)::float8 as notifications
                    from former_usage where day >= to_timestamp($1) and day < to_timestamp($2)
                   group by 1, 2) u using (about_tenant, since)
       left join ${DEDICATED} on d.tenant = f.about_tenant and d.since = f.since
      where f.since < to_timestamp($2) and until_at > to_timestamp($1)
      order by 1, 2`,
    [fromMs / 1000, toMs / 1000, (toMs - fromMs) / DAY_MS],
  );
  return rows.map(({ tenant, since, untilAt, dedicatedSeconds, ...used }) => {
    const lastMs = Math.min(toMs, untilAt?.getTime() ?? Infinity);
    const hours = Math.max(0, lastMs - Math.max(fromMs, since.getTime())) / HOUR_MS;
    // What the archive holds is not metered.
    const sharedPart = hours > 0 ? Math.max(0, 1 - dedicatedSeconds / 3_600 / hours) : 1;
    return { tenant, since: since.toISOString(), hours, sharedPart, use: { ...used, archiveBytes: 0 } };
  });
}

/**
 * Keeps what the bills of the running month, and of the one before if it is still open, need of a tenant: in the transaction
 * that deletes it.
 */
export async function keepFormerTenancy(tx: Queryable, tenant: TenantId): Promise<void> {
  await tx.query(
    `insert into former_tenancy (about_tenant, since)
     select tenant, created_at from tenant where tenant = $1 on conflict do nothing`,
    [tenant],
  );
  await tx.query(
    `insert into former_usage (about_tenant, since, day, row_count, byte_count, query_count, query_ms, storage_bytes,
                               notification_count)
     select t.tenant, t.created_at, day, coalesce(row_count, 0), coalesce(byte_count, 0), coalesce(${ALL_QUERIES}, 0),
            coalesce(${ALL_QUERY_MS}, 0), coalesce(storage_bytes, 0), coalesce(notifications, 0)
       from (select * from usage_day
              where tenant = $1 and day >= date_trunc('month', now(), 'UTC') - interval '744 hours') u
       full join (select date_trunc('day', created_at, 'UTC') as day, count(*) as notifications from delivery
                   where tenant = $1 and first_tried_at is not null
                     and created_at >= date_trunc('month', now(), 'UTC') - interval '744 hours'
                   group by 1) n using (day)
       join tenant t on t.tenant = $1
     on conflict do nothing`,
    [tenant],
  );
}

/** Forgets the tenancies that ended a month before the end of one that is closed: its last days are looked at for so long. */
export async function forgetFormerTenancies(tx: Queryable, { toMs }: BillPeriod): Promise<void> {
  await tx.query("delete from former_tenancy where until_at < to_timestamp($1)", [
    (toMs - 31 * DAY_MS) / 1000,
  ]);
}
