import type { Severity } from "../../model/rule.ts";
import type { AlarmFacts } from "../../model/tenant-health.ts";
import type { TenantId } from "../../model/tenant.ts";
import type { Queryable } from "../pool.ts";

/** Fewer may be one restart of the receiver. */
const FAILED_TRIES = 3;

/** What a tenant is alarmed about, and whether it hears of it. */
export async function readAlarms(db: Queryable, tenant: TenantId): Promise<AlarmFacts> {
  const { rows } = await db.query<{
    readonly active: Partial<Record<Severity, number>> | null;
    readonly failingChannels: readonly string[];
    readonly violationCount: number;
  }>(
    `select (select jsonb_object_agg(severity, count)
               from (select severity, count(*) from alert
                      where tenant = $1 and returned_at is null group by severity) one) as active,
            (select coalesce(array_agg(distinct channel order by channel), '{}') from delivery
              where tenant = $1 and ((outcome is null and tries >= $2)
                 or (outcome = 'given-up' and first_tried_at > now() - interval '1 day'))) as "failingChannels",
            (select count(*) from alert where tenant = $1 and latency_ms > 500
                and notified_at > now() - interval '30 days')::float8 as "violationCount"`,
    [tenant, FAILED_TRIES],
  );
  const none = { critical: 0, high: 0, medium: 0, low: 0 };
  const { active = null, failingChannels = [], violationCount = 0 } = rows[0] ?? {};
  return { activeAlerts: { ...none, ...active }, failingChannels, violationCount };
}
