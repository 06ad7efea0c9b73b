import type pg from "pg";
import type { ChannelHours } from "../../model/channel-hours.ts";
import type { ChannelKind, ChannelSettings, ChannelTemplate, DeliveryEvent } from "../../model/channel.ts";
import type { AlertValue } from "../../model/condition-state.ts";
import type { Severity } from "../../model/rule.ts";
import { VIA } from "./external-alert.ts";
import { staleEscalation, type DeliveryOutcome } from "./delivery.ts";

/** Tries kept of one delivery: enough to see a pattern; a receiver that is dead for a day must not fill the table. */
const KEPT_TRIES = 20;

/** A delivery that this dispatcher has the lease of, with all that its message says. */
export interface ClaimedDelivery {
  readonly tenant: string;
  readonly delivery: string;
  readonly event: DeliveryEvent;
  /** Counts this one. */
  readonly tries: number;
  readonly first_tried_at: Date;
  readonly wait_ms: bigint;
  readonly channel: string;
  readonly kind: ChannelKind;
  readonly settings: ChannelSettings;
  readonly sealed: Buffer;
  readonly template: ChannelTemplate | null;
  readonly hours: ChannelHours | null;
  /** null: a digest or a test */
  readonly alert: ClaimedAlert | null;
}

export interface ClaimedAlert {
  readonly alert: string;
  readonly rule: string;
  readonly rule_name: string;
  readonly machine_id: string;
  readonly metric: string | null;
  readonly severity: Severity;
  readonly value: AlertValue;
  readonly source: string | null;
  readonly external_id: string | null;
  readonly via: readonly string[];
  readonly raised_at: Date;
  readonly produced_at: Date | null;
  readonly appended_at: Date;
  readonly evaluated_at: Date;
  /** Stamped by the claim at the latest, as it was when the claim began or later. */
  readonly committed_at: Date;
  readonly notified_at: Date | null;
  readonly delay_ms: bigint;
}

export interface ClaimLimits {
  readonly leaseMs: Readonly<Record<ChannelKind, number>>;
  /** Deliveries of one channel in flight, of one tenant, and of all. */
  readonly perChannel: number;
  readonly perTenant: number;
  readonly total: number;
  /** In flight here, by channel id. */
  readonly inFlight: ReadonlyMap<string, number>;
}

type ClaimedRow = Omit<ClaimedDelivery, "alert"> &
  Omit<ClaimedAlert, "alert"> & {
    readonly alert: string | null;
    readonly outcome: DeliveryOutcome | null;
  };

/**
 * Takes due deliveries, of each channel and tenant only as many as may still be in flight, so a slow one delays no
 * other, and as many as its channel's minute still has room for. Where there is room for few, who has the fewest in
 * flight comes first. (Two dispatchers at one instant may share that room twice: a limit on noise,
 * no promise.) An escalation that nobody needs any more ends here. One round trip, whatever the channels ask for.
 */
export async function claimDeliveries(
  pool: pg.Pool,
  limits: ClaimLimits,
): Promise<readonly ClaimedDelivery[]> {
  const { rows } = await pool.query<ClaimedRow>({
    name: "delivery-claim",
    // A lease that a crash of the server forgets means one more delivery under the same id, so its commit need not
    // wait for the disk: one fsync less between a reading and its notification.
    text: `with relaxed as materialized (select set_config('synchronous_commit', 'off', true)),
           waiting as (
             select distinct tenant, channel from delivery where outcome is null and due_at <= clock_timestamp()),
           flying as (
             select f.channel, f.count, c.tenant
               from unnest($1::text[], $2::int[]) f(channel, count) left join channel c using (channel)),
           room as (
             select w.tenant, w.channel, greatest(0, least(
                      $3 - coalesce(f.count, 0),
                      case when c.max_per_minute is not null
                           then c.max_per_minute - (select count(*) from delivery s
                                                     where s.tenant = w.tenant and s.channel = w.channel
                                                       and s.first_tried_at >= date_trunc('minute', clock_timestamp()))
                           end)) as count
               from waiting w join channel c using (tenant, channel)
               left join flying f using (channel)),
           due as (
             select d.*, row_number() over (partition by d.tenant, d.channel order by d.due_at) as turn
               from room r
               cross join lateral (
                    select tenant, channel, delivery, due_at from delivery
                     where tenant = r.tenant and channel = r.channel and outcome is null
                       and due_at <= clock_timestamp()
                     order by due_at limit r.count) d),
           -- the nth of its tenant, with what is in flight
           numbered as (
             select d.tenant, d.delivery, d.due_at,
                    coalesce(f.count, 0) + row_number() over (partition by d.tenant order by d.turn, d.due_at) as place
               from due d left join (select tenant, sum(count) as count from flying group by tenant) f using (tenant)),
           chosen as materialized (
             select tenant, delivery from numbered where place <= $6
              order by place, due_at
              limit greatest(0, $7 - (select coalesce(sum(count), 0) from flying))),
           claimed as materialized (
             select d.* from relaxed, chosen
               cross join lateral ( -- one look-up each, however long the history is
                    select tenant, delivery, channel, alert, event, tries from delivery
                     where tenant = chosen.tenant and delivery = chosen.delivery and outcome is null
                       and due_at <= clock_timestamp()
                       for update skip locked) d),
           -- behind the snapshot, so never before the commit; where the engine was faster its stamp stands
           seen as (
             update alert a set committed_at = coalesce(a.committed_at, clock_timestamp())
               from claimed join alert b using (tenant, alert)
              where b.committed_at is null and a.tenant = b.tenant and a.alert = b.alert
             returning a.tenant, a.alert, a.committed_at)
           update delivery d
              set due_at = clock_timestamp() + lease_ms * interval '1 ms',
                  tries = d.tries + case when is_stale then 0 else 1 end,
                  first_tried_at = case when not is_stale then coalesce(d.first_tried_at, clock_timestamp()) end,
                  outcome = case when is_stale then 'cancelled' end
             from claimed join channel c using (tenant, channel)
                  join unnest($4::text[], $5::int[]) l(kind, lease_ms) using (kind)
                  left join alert a on a.tenant = claimed.tenant and a.alert = claimed.alert
                  left join seen on seen.tenant = a.tenant and seen.alert = a.alert
                  cross join lateral (select coalesce(${staleEscalation("claimed", "c", "a")}, false) as is_stale) s
            where d.tenant = claimed.tenant and d.delivery = claimed.delivery
           returning d.tenant, d.delivery, d.event, d.tries, d.first_tried_at, d.wait_ms, d.outcome,
                     d.channel, c.kind, c.settings, c.sealed, c.template, c.hours,
                     a.alert, a.rule, a.rule_name, a.machine_id, a.metric, a.severity, a.value, a.raised_at,
                     a.source, a.external_id, ${VIA} as via,
                     a.produced_at, a.appended_at, a.evaluated_at,
                     coalesce(a.committed_at, seen.committed_at) as committed_at, a.notified_at, a.delay_ms`,
    values: [
      [...limits.inFlight.keys()],
      [...limits.inFlight.values()],
      limits.perChannel,
      Object.keys(limits.leaseMs),
      Object.values(limits.leaseMs),
      limits.perTenant,
      limits.total,
    ],
  });
  return rows.filter(({ outcome }) => outcome === null).map(toClaimed);
}

function toClaimed(row: ClaimedRow): ClaimedDelivery {
  const { alert } = row;
  return { ...row, alert: alert === null ? null : { ...row, alert } };
}

/** Gives a claimed delivery back until its channel takes messages; it was no try. */
export async function postponeDelivery(
  pool: pg.Pool,
  { tenant, delivery }: ClaimedDelivery,
  untilMs: number,
): Promise<void> {
  await pool.query(
    `update delivery set due_at = $3, tries = tries - 1, first_tried_at = case when tries > 1 then first_tried_at end,
                         wait_ms = wait_ms + greatest(0, extract(epoch from $3 - clock_timestamp()) * 1000)
      where tenant = $1 and delivery = $2 and outcome is null`,
    [tenant, delivery, new Date(untilMs)],
  );
}

export interface TryOutcome {
  readonly startedAtMs: number;
  readonly durationMs: number;
  readonly status: number | null;
  readonly error: string | null;
  readonly outcome: "delivered" | "given-up" | { readonly retryInMs: number };
}

/** Records one try: delivered for good, given up, or due again later. */
export async function recordTry(
  pool: pg.Pool,
  { tenant, delivery, tries }: ClaimedDelivery,
  { startedAtMs, durationMs, status, error, outcome }: TryOutcome,
): Promise<void> {
  const [end, retryInMs] = typeof outcome === "string" ? [outcome, 0] : [null, outcome.retryInMs];
  await pool.query({
    name: "delivery-try",
    text: `with recorded as (
       update delivery set outcome = $8::text, delivered_at = case when $8 = 'delivered' then clock_timestamp() end,
                           due_at = clock_timestamp() + $9 * interval '1 ms'
        where tenant = $1 and delivery = $2 and outcome is null returning alert, event, wait_ms),
     tried as (
       insert into delivery_try (tenant, delivery, try, started_at, duration_ms, status, error)
       select $1, $2, $3, $4, $5, $6, $7 from recorded on conflict do nothing),
     forgotten as (
       delete from delivery_try where tenant = $1 and delivery = $2 and try <= $3 - ${KEPT_TRIES})
     update alert set notified_at = clock_timestamp(), wait_ms = recorded.wait_ms
       from recorded
      where tenant = $1 and alert.alert = recorded.alert and notified_at is null and $8 = 'delivered'
        and recorded.event = 'alert.raised'`,
    values: [tenant, delivery, tries, new Date(startedAtMs), durationMs, status, error, end, retryInMs],
  });
}
