import { randomUUID } from "node:crypto";
import type pg from "pg";
import type { AlertEvent, DeliveryEvent } from "../../model/channel.ts";
import { SEVERITIES } from "../../model/rule.ts";
import type { TenantId } from "../../model/tenant.ts";
import { decodeTimeCursor, pageOf, type Page, type PageRequest } from "./page.ts";

/** The channel on which dispatchers hear of new deliveries, when their transaction commits. */
export const OUTBOX = "outbox";

export const SEVERITY_ORDER = `array['${SEVERITIES.join("','")}']`;

/** How a delivery ended; one without an outcome is still to do. */
export const DELIVERY_OUTCOMES = ["delivered", "given-up", "cancelled", "deduplicated", "digested"] as const;
export type DeliveryOutcome = (typeof DELIVERY_OUTCOMES)[number];
export type DeliveryState = "waiting" | DeliveryOutcome;

/** One delivery as the API answers it. */
export interface Delivery {
  readonly id: string;
  /** null: a digest or a test */
  readonly alertId: string | null;
  readonly channel: string;
  readonly event: DeliveryEvent;
  readonly state: DeliveryState;
  /** The delivery that carried this one. */
  readonly digest: string | null;
  readonly createdAt: string;
  readonly deliveredAt: string | null;
  readonly nextTryAt: string | null;
  readonly tries: readonly DeliveryTry[];
}

export interface DeliveryTry {
  readonly at: string;
  readonly durationMs: number;
  /** HTTP or SMTP status; null when none was received. */
  readonly status: number | null;
  readonly error: string | null;
}

/** An escalation that nobody needs any more. @param d - delivery @param c - channel @param a - alert */
export const staleEscalation = (d: string, c: string, a: string) => `(
  ${c}.escalate_after_ms is not null and ${d}.event = 'alert.raised' and ${d}.tries = 0
  and (${a}.acknowledged_at is not null or ${a}.returned_at is not null
       or exists (select from alert s where s.tenant = ${a}.tenant and s.rule = ${a}.rule
                                        and s.machine_id = ${a}.machine_id and s.shelved_until > now())))`;

/**
 * Writes the outbox in the transaction of the event: one row for each channel of the tenant that wants it, in one round
 * trip. The id is a hash of what is sent where, so the same event can never be queued twice. Row by row it is decided
 * here when it falls due (an escalation later) and whether a message like it has just gone out; whether the channel
 * takes messages then is the dispatcher's question. An escalation channel hears of the end of an alert only when it
 * heard of the alert.
 */
export async function queueDeliveries(
  tx: pg.ClientBase,
  event: AlertEvent,
  alerts: readonly { readonly tenant: string; readonly alert: string }[],
): Promise<void> {
  if (alerts.length === 0) return;
  await tx.query({
    name: "delivery-queue",
    text: `with queued as (
       insert into delivery (tenant, delivery, alert, channel, event, due_at, wait_ms, dedup_key, outcome)
       select a.tenant,
              substr(encode(sha256(convert_to(concat_ws('/', a.tenant, a.alert, c.channel, $1::text), 'UTF8')), 'hex'), 1, 32),
              a.alert, c.channel, $1::text, clock_timestamp() + k.wait_ms * interval '1 ms', k.wait_ms, k.dedup_key,
              case when k.dedup_key is not null and (
                          row_number() over (partition by a.tenant, c.channel, k.dedup_key order by a.raised_at, a.alert) > 1
                          or exists (select from delivery p
                                      where p.tenant = a.tenant and p.channel = c.channel and p.dedup_key = k.dedup_key
                                        and p.created_at > clock_timestamp() - c.dedup_ms * interval '1 ms'
                                        and p.alert <> a.alert
                                        and coalesce(p.outcome, '') not in ('deduplicated', 'cancelled')))
                   then 'deduplicated' end
         from unnest($2::text[], $3::text[]) n(tenant, alert)
         join alert a using (tenant, alert) join channel c on c.tenant = a.tenant
         cross join lateral (
              select case when $1 = 'alert.raised' then coalesce(c.escalate_after_ms, 0) else 0 end as wait_ms,
                     case when c.dedup_ms is not null then concat_ws('/', $1, a.rule, a.machine_id) end as dedup_key) k
        where $1 = any (c.events)
          and array_position(${SEVERITY_ORDER}, a.severity) <= array_position(${SEVERITY_ORDER}, c.min_severity)
          and not exists (select from alert s where s.tenant = a.tenant and s.rule = a.rule
                             and s.machine_id = a.machine_id and s.shelved_until > now())
          and ($1 = 'alert.raised' or c.escalate_after_ms is null
               or exists (select from delivery r where r.tenant = a.tenant and r.alert = a.alert
                             and r.channel = c.channel and r.event = 'alert.raised' and r.tries > 0))
       on conflict do nothing returning tenant)
     select pg_notify($4, '') from (select tenant from queued limit 1) one`,
    values: [event, alerts.map(({ tenant }) => tenant), alerts.map(({ alert }) => alert), OUTBOX],
  });
}

/** Queues a message that says that the channel works. @returns the delivery's id */
export async function queueTest(tx: pg.ClientBase, tenant: TenantId, channel: string): Promise<string> {
  const id = randomUUID().replaceAll("-", "");
  await tx.query(
    "insert into delivery (tenant, delivery, channel, event) values ($1, $2, $3, 'channel.test')",
    [tenant, id, channel],
  );
  await tx.query("select pg_notify($1, '')", [OUTBOX]);
  return id;
}

interface DeliveryRow {
  readonly delivery: string;
  readonly alert: string | null;
  readonly channel: string;
  readonly event: DeliveryEvent;
  readonly state: DeliveryState;
  readonly digest: string | null;
  readonly created_at: Date;
  readonly delivered_at: Date | null;
  readonly due_at: Date;
  readonly tries: Delivery["tries"] | null;
}

/** Newest first. */
export async function listDeliveries(
  tx: pg.ClientBase,
  tenant: TenantId,
  request: PageRequest & { readonly alertId?: string; readonly channelId?: string },
): Promise<Page<Delivery>> {
  const { rows } = await tx.query<DeliveryRow>(
    `select d.delivery, d.alert, d.channel, d.event, d.digest, d.created_at, d.delivered_at, d.due_at,
            coalesce(d.outcome, case when ${staleEscalation("d", "c", "a")} then 'cancelled' else 'waiting' end) as state,
            (select json_agg(json_build_object('at', started_at, 'durationMs', duration_ms, 'status', status,
                                               'error', error) order by try)
               from delivery_try t where t.tenant = d.tenant and t.delivery = d.delivery) as tries
       from delivery d join channel c using (tenant, channel)
       left join alert a on a.tenant = d.tenant and a.alert = d.alert
      where d.tenant = $1 and ($2::timestamptz is null or (d.created_at, d.delivery) < ($2, $3))
        and ($4::text is null or d.alert = $4) and ($5::text is null or d.channel = $5)
      order by d.created_at desc, d.delivery desc limit $6`,
    [
      tenant,
      ...decodeTimeCursor(request.cursor),
      request.alertId ?? null,
      request.channelId ?? null,
      request.limit + 1,
    ],
  );
  return pageOf(rows.map(toDelivery), request.limit, ({ createdAt, id }) => [createdAt, id]);
}

function toDelivery(row: DeliveryRow): Delivery {
  const { channel, event, state, digest } = row;
  return {
    ...{ id: row.delivery, alertId: row.alert, channel, event, state, digest },
    createdAt: row.created_at.toISOString(),
    deliveredAt: row.delivered_at?.toISOString() ?? null,
    nextTryAt: state === "waiting" ? row.due_at.toISOString() : null,
    tries: row.tries ?? [],
  };
}
