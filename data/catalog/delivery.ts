import type pg from "pg";
import type { AlertEvent } from "../../model/channel.ts";
import { SEVERITIES, type Severity } from "../../model/rule.ts";
import type { TenantId } from "../../model/tenant.ts";
import { decodeTimeCursor, pageOf, type Page, type PageRequest } from "./page.ts";

/** The channel on which dispatchers hear of new deliveries, when their transaction commits. */
export const OUTBOX = "outbox";

/** Tries kept of one delivery: enough to see a pattern; a receiver that is dead for weeks must not fill the table. */
const KEPT_TRIES = 20;

const SEVERITY_ORDER = `array['${SEVERITIES.join("','")}']`;

/** One delivery as the API answers it. */
export interface Delivery {
  readonly id: string;
  readonly alertId: string;
  readonly channel: string;
  readonly event: AlertEvent;
  readonly createdAt: string;
  readonly deliveredAt: string | null;
  readonly nextTryAt: string | null;
  readonly tries: readonly DeliveryTry[];
}

export interface DeliveryTry {
  readonly at: string;
  readonly durationMs: number;
  /** HTTP status; null when none was received. */
  readonly status: number | null;
  readonly error: string | null;
}

/**
 * Writes the outbox in the transaction of the event: one row for each channel of the tenant that wants it. The id is a
 * hash of what is sent where, so the same event can never be queued twice.
 */
export async function queueDeliveries(
  tx: pg.ClientBase,
  event: AlertEvent,
  alerts: readonly { readonly tenant: string; readonly alert: string }[],
): Promise<void> {
  if (alerts.length === 0) return;
  const { rowCount } = await tx.query(
    `insert into delivery (tenant, delivery, alert, channel, event)
     select a.tenant,
            substr(encode(sha256(convert_to(concat_ws('/', a.tenant, a.alert, c.channel, $1::text), 'UTF8')), 'hex'), 1, 32),
            a.alert, c.channel, $1::text
       from unnest($2::text[], $3::text[]) n(tenant, alert)
       join alert a using (tenant, alert) join channel c on c.tenant = a.tenant
      where $1 = any (c.events)
        and array_position(${SEVERITY_ORDER}, a.severity) <= array_position(${SEVERITY_ORDER}, c.min_severity)
        and not exists (select from alert s where s.tenant = a.tenant and s.rule = a.rule
                           and s.machine_id = a.machine_id and s.shelved_until > now())
     on conflict do nothing`,
    [event, alerts.map(({ tenant }) => tenant), alerts.map(({ alert }) => alert)],
  );
  if (rowCount !== null && rowCount > 0) await tx.query("select pg_notify($1, '')", [OUTBOX]);
}

/** A delivery that this dispatcher has the lease of, with all that its body says. */
export interface ClaimedDelivery {
  readonly tenant: string;
  readonly delivery: string;
  readonly channel: string;
  readonly url: string;
  readonly secret: string;
  readonly event: AlertEvent;
  /** Counts this one. */
  readonly tries: number;
  readonly alert: string;
  readonly rule: string;
  readonly machine_id: string;
  readonly severity: Severity;
  readonly value: number;
  readonly produced_at: Date | null;
  readonly appended_at: Date;
  readonly evaluated_at: Date;
  /** At the latest the claim: what can be claimed is committed. */
  readonly committed_at: Date;
  readonly notified_at: Date | null;
  readonly delay_ms: bigint;
}

export interface ClaimLimits {
  readonly leaseMs: number;
  /** Deliveries of one channel in flight. */
  readonly perChannel: number;
  /** In flight here, by channel id. */
  readonly inFlight: ReadonlyMap<string, number>;
}

/** Takes due deliveries, of each channel only as many as may still be in flight, so a slow one delays no other. */
export async function claimDeliveries(
  pool: pg.Pool,
  limits: ClaimLimits,
): Promise<readonly ClaimedDelivery[]> {
  const { rows } = await pool.query<ClaimedDelivery>({
    name: "delivery-claim",
    // A lease that a crash of the server forgets means one more delivery under the same id, so its commit need not
    // wait for the disk: one fsync less between a reading and its notification.
    text: `with relaxed as materialized (select set_config('synchronous_commit', 'off', true)),
           waiting as (
             select distinct tenant, channel from delivery where delivered_at is null and due_at <= clock_timestamp()),
           claimed as materialized (
             select d.tenant, d.delivery
               from relaxed, waiting w left join unnest($1::text[], $2::int[]) f(channel, count) using (channel)
               cross join lateral (
                    select tenant, delivery from delivery
                     where tenant = w.tenant and channel = w.channel and delivered_at is null
                       and due_at <= clock_timestamp()
                     order by due_at limit greatest(0, $3 - coalesce(f.count, 0)) for update skip locked) d),
           -- behind the snapshot, so never before the commit; where the engine was faster its stamp stands
           seen as (
             update alert a set committed_at = coalesce(a.committed_at, clock_timestamp())
               from claimed join delivery d using (tenant, delivery) join alert b using (tenant, alert)
              where b.committed_at is null and a.tenant = b.tenant and a.alert = b.alert
             returning a.tenant, a.alert, a.committed_at)
           update delivery d
              set due_at = clock_timestamp() + $4 * interval '1 ms', tries = d.tries + 1
             from claimed join alert a using (tenant) join channel c using (tenant)
                  left join seen on seen.tenant = a.tenant and seen.alert = a.alert
            where d.tenant = claimed.tenant and d.delivery = claimed.delivery and a.alert = d.alert
              and c.channel = d.channel
           returning d.tenant, d.delivery, d.channel, d.event, d.tries, c.url, c.secret, a.alert, a.rule, a.machine_id,
                     a.severity, a.value, a.produced_at, a.appended_at, a.evaluated_at,
                     coalesce(a.committed_at, seen.committed_at) as committed_at, a.notified_at, a.delay_ms`,
    values: [[...limits.inFlight.keys()], [...limits.inFlight.values()], limits.perChannel, limits.leaseMs],
  });
  return rows;
}

export interface TryOutcome {
  readonly startedAtMs: number;
  readonly durationMs: number;
  readonly status: number | null;
  readonly error: string | null;
  /** undefined: delivered */
  readonly retryInMs: number | undefined;
}

/** Records one try: delivered for good, or due again later. */
export async function recordTry(pool: pg.Pool, claimed: ClaimedDelivery, outcome: TryOutcome): Promise<void> {
  const { tenant, delivery, tries, alert, event } = claimed;
  const { startedAtMs, durationMs, status, error, retryInMs } = outcome;
  await pool.query(
    `with recorded as (
       update delivery set delivered_at = case when $9::int is null then clock_timestamp() end,
                           due_at = case when $9::int is null then due_at else clock_timestamp() + $9 * interval '1 ms' end
        where tenant = $1 and delivery = $2 and delivered_at is null returning delivery),
     tried as (
       insert into delivery_try (tenant, delivery, try, started_at, duration_ms, status, error)
       select $1, delivery, $3, $4, $5, $6, $7 from recorded on conflict do nothing),
     forgotten as (
       delete from delivery_try where tenant = $1 and delivery = $2 and try <= $3 - ${KEPT_TRIES})
     update alert set notified_at = clock_timestamp()
       from recorded
      where tenant = $1 and alert = $8 and notified_at is null and $9::int is null and $10 = 'alert.raised'`,
    [
      tenant,
      delivery,
      tries,
      new Date(startedAtMs),
      durationMs,
      status,
      error,
      alert,
      retryInMs ?? null,
      event,
    ],
  );
}

/** Newest first. */
export async function listDeliveries(
  tx: pg.ClientBase,
  tenant: TenantId,
  request: PageRequest & { readonly alertId?: string | undefined },
): Promise<Page<Delivery>> {
  interface Row {
    delivery: string;
    alert: string;
    channel: string;
    event: AlertEvent;
    created_at: Date;
    delivered_at: Date | null;
    due_at: Date;
    tries: Delivery["tries"] | null;
  }
  const { rows } = await tx.query<Row>(
    `select d.delivery, d.alert, d.channel, d.event, d.created_at, d.delivered_at, d.due_at,
            (select json_agg(json_build_object('at', started_at, 'durationMs', duration_ms, 'status', status,
                                               'error', error) order by try)
               from delivery_try t where t.tenant = d.tenant and t.delivery = d.delivery) as tries
       from delivery d
      where tenant = $1 and ($2::timestamptz is null or (created_at, delivery) < ($2, $3))
        and ($4::text is null or alert = $4)
      order by created_at desc, delivery desc limit $5`,
    [tenant, ...decodeTimeCursor(request.cursor), request.alertId ?? null, request.limit + 1],
  );
  const deliveries = rows.map((row) => ({
    id: row.delivery,
    alertId: row.alert,
    channel: row.channel,
    event: row.event,
    createdAt: row.created_at.toISOString(),
    deliveredAt: row.delivered_at?.toISOString() ?? null,
    nextTryAt: row.delivered_at === null ? row.due_at.toISOString() : null,
    tries: row.tries ?? [],
  }));
  return pageOf(deliveries, request.limit, ({ createdAt, id }) => [createdAt, id]);
}
