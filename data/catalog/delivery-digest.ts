import type pg from "pg";
import type { DeliveryEvent } from "../../model/channel.ts";
import type { AlertValue } from "../../model/condition-state.ts";
import type { Severity } from "../../model/rule.ts";
import { SEVERITY_ORDER, staleEscalation } from "./delivery.ts";

/**
 * Collects what a full minute had no room for: in each channel whose last minute was full, all that fell due before
 * this one and was never tried becomes one digest, a delivery of its own. A single message stays what it is. The id is a
 * hash of channel and minute, and a message is in one digest at most, so two dispatchers or a kill change nothing.
 *
 * @returns ms until the next minute begins, by the catalog's clock
 */
export async function collectDigests(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query<{ left_ms: number }>(
    `with minute as materialized (select date_trunc('minute', clock_timestamp()) as start),
     crowded as (
       select c.* from channel c, minute
        where c.max_per_minute <= (select count(*) from delivery s
                                    where s.tenant = c.tenant and s.channel = c.channel
                                      and s.first_tried_at >= start - interval '1 minute' and s.first_tried_at < start)),
     rest as materialized (
       select d.tenant, d.channel, d.delivery
         from minute, crowded c join delivery d using (tenant, channel)
         left join alert a on a.tenant = d.tenant and a.alert = d.alert
        where d.outcome is null and d.tries = 0 and d.due_at < start and d.alert is not null
          and not ${staleEscalation("d", "c", "a")}
          for update of d skip locked),
     made as (
       insert into delivery (tenant, delivery, channel, event)
       select tenant, substr(encode(sha256(convert_to(concat_ws('/', tenant, channel, 'digest', extract(epoch from start)),
                                                      'UTF8')), 'hex'), 1, 32), channel, 'alert.digest'
         from rest, minute group by tenant, channel, start having count(*) > 1
       on conflict do nothing returning tenant, channel, delivery),
     collected as (
       update delivery d set outcome = 'digested', digest = made.delivery
         from rest join made using (tenant, channel) where d.tenant = rest.tenant and d.delivery = rest.delivery)
     select extract(epoch from start + interval '1 minute' - clock_timestamp())::float8 * 1000 as left_ms from minute`,
  );
  return rows[0]?.left_ms ?? 0;
}

export interface DigestedAlert {
  readonly delivery: string;
  readonly event: DeliveryEvent;
  readonly alert: string;
  readonly rule: string;
  readonly rule_name: string;
  readonly machine_id: string;
  readonly metric: string | null;
  readonly severity: Severity;
  readonly value: AlertValue;
  readonly raised_at: Date;
}

export interface DigestRows {
  readonly counts: readonly { readonly severity: Severity; readonly count: number }[];
  /** Most severe first, then in the order of their raising: the same in every try. */
  readonly alerts: readonly DigestedAlert[];
}

/** What a digest carries; never of what was collected later. */
export async function readDigest(
  pool: pg.Pool,
  tenant: string,
  digest: string,
  limit: number,
): Promise<DigestRows> {
  const { rows: counts } = await pool.query<{ severity: Severity; count: number }>(
    `select a.severity, count(*)::int as count from delivery d join alert a using (tenant, alert)
      where d.tenant = $1 and d.digest = $2 group by a.severity`,
    [tenant, digest],
  );
  const { rows: alerts } = await pool.query<DigestedAlert>(
    `select d.delivery, d.event, a.alert, a.rule, a.rule_name, a.machine_id, a.metric, a.severity, a.value, a.raised_at
       from delivery d join alert a using (tenant, alert)
      where d.tenant = $1 and d.digest = $2
      order by array_position(${SEVERITY_ORDER}, a.severity), a.raised_at, d.delivery limit $3`,
    [tenant, digest, limit],
  );
  return { counts, alerts };
}

/** The alerts of a delivered digest count as notified; the time until then was the tenant's own limit. */
export async function markDigestNotified(pool: pg.Pool, tenant: string, digest: string): Promise<void> {
  await pool.query(
    `update alert a set notified_at = clock_timestamp(),
                        wait_ms = greatest(0, extract(epoch from clock_timestamp() - d.created_at) * 1000)
       from delivery d
      where d.tenant = $1 and d.digest = $2 and d.event = 'alert.raised'
        and a.tenant = d.tenant and a.alert = d.alert and a.notified_at is null`,
    [tenant, digest],
  );
}
