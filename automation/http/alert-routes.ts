import type pg from "pg";
import * as z from "zod";
import {
  acknowledgeAlert,
  commentAlert,
  getAlert,
  listAlerts,
  shelveAlert,
} from "../../data/catalog/alert.ts";
import type { Alert } from "../../data/catalog/alert.ts";
import { DELIVERY_OUTCOMES, listDeliveries } from "../../data/catalog/delivery.ts";
import { LATENCY_STAGES } from "../../model/alert-latency.ts";
import { ALERT_STATES } from "../../model/alert-state.ts";
import { DELIVERY_EVENTS } from "../../model/channel.ts";
import { externalId, READING_TYPES } from "../../model/reading.ts";
import { SEVERITIES } from "../../model/rule.ts";
import type { TenantId } from "../../model/tenant.ts";
import type { Caller } from "./authenticate.ts";
import { endpoint, jsonAnswer, type Endpoint } from "./endpoint.ts";
import { instant, listOf, pageQuery } from "./schemas.ts";
import type { ApiServices } from "./services.ts";
import { inKnownTenant, recordAction } from "./tenant-work.ts";

const params = z.strictObject({ alertId: z.string().min(1).max(128) });

const epochMs = z.number();
export const alert = z
  .strictObject({
    id: z.string(),
    state: z.enum(ALERT_STATES),
    rule: z.string().meta({ description: "Id of the rule; SOURCE:NAME of another system's alert" }),
    ruleName: z.string(),
    type: z.enum(READING_TYPES).nullable(),
    metric: z.string().nullable(),
    machineId: z.string(),
    severity: z.enum(SEVERITIES),
    value: z.union([z.number(), z.string()]).nullable(),
    incident: z.string().nullable().meta({ description: "The flood that it belongs to" }),
    suppressedBy: z.string().nullable().meta({ description: "Id of the rule whose alert explains this one" }),
    source: z.string().nullable().meta({ description: "The other system; null: a rule of ours" }),
    externalId: z.string().nullable(),
    raisedAt: instant,
    returnedAt: instant.nullable(),
    acknowledgedAt: instant.nullable(),
    acknowledgedBy: z.string().nullable(),
    shelvedUntil: instant.nullable(),
    shelvedBy: z.string().nullable(),
    times: z
      .strictObject({
        produced: epochMs.nullable(),
        appended: epochMs,
        evaluated: epochMs,
        committed: epochMs.nullable(),
        notified: epochMs.nullable(),
      })
      .meta({ description: "Milliseconds since the epoch" }),
    latencyMs: z
      .record(z.enum(LATENCY_STAGES), z.number().nullable())
      .meta({ description: "Time by stage, without what the rule waited for; null: unknown, or not yet" }),
    comments: z.array(z.strictObject({ by: z.string(), at: instant, text: z.string() })),
  })
  .meta({ id: "Alert" });
const alertAnswer = { 200: jsonAnswer("The alert as it is now", z.strictObject({ alert })) };
export const delivery = z
  .strictObject({
    id: z.string().meta({ description: "The same in every try" }),
    alertId: z.string().nullable().meta({ description: "null: a digest or a test" }),
    channel: z.string(),
    event: z.enum(DELIVERY_EVENTS),
    state: z.enum(["waiting", ...DELIVERY_OUTCOMES]),
    digest: z.string().nullable().meta({ description: "Id of the delivery that carried this one" }),
    createdAt: instant,
    deliveredAt: instant.nullable(),
    nextTryAt: instant.nullable(),
    tries: z.array(
      z.strictObject({
        at: instant,
        durationMs: z.number(),
        status: z.int().nullable(),
        error: z.string().nullable(),
      }),
    ),
  })
  .meta({ id: "Delivery" });

export function alertEndpoints({ catalog }: ApiServices): Endpoint[] {
  const change = async (
    { caller, tenant, params: { alertId } }: ChangeCall,
    action: string,
    work: (tx: pg.PoolClient) => Promise<Alert>,
  ) => {
    const changed = await inKnownTenant(catalog, tenant, async (tx) => {
      const after = await work(tx);
      await recordAction(tx, caller, action, { tenant, subject: alertId });
      return after;
    });
    return { status: 200, body: { alert: changed } };
  };

  return [
    endpoint({
      method: "get",
      path: "/v1/alerts",
      summary: "List alerts, newest first",
      permission: "alert:read",
      tenancy: "named",
      query: z.strictObject({
        ...pageQuery,
        state: z.enum(ALERT_STATES).optional(),
        severity: z.enum(SEVERITIES).optional(),
        machineId: externalId.optional(),
        incident: z.string().min(1).max(128).optional(),
        from: instant.optional(),
      }),
      answers: { 200: jsonAnswer("A page of alerts", listOf("alerts", alert)) },
      async handle({ tenant, query: { from, ...query } }) {
        const fromMs = from === undefined ? undefined : Date.parse(from);
        const { items, nextCursor } = await inKnownTenant(catalog, tenant, (tx) =>
          listAlerts(tx, tenant, { ...query, fromMs }),
        );
        return { status: 200, body: { alerts: items, nextCursor } };
      },
    }),
    endpoint({
      method: "get",
      path: "/v1/alerts/:alertId",
      summary: "Show an alert",
      permission: "alert:read",
      tenancy: "named",
      params,
      answers: alertAnswer,
      async handle({ tenant, params: { alertId } }) {
        const found = await inKnownTenant(catalog, tenant, (tx) => getAlert(tx, tenant, alertId));
        return { status: 200, body: { alert: found } };
      },
    }),
    endpoint({
      method: "get",
      path: "/v1/alerts/:alertId/deliveries",
      summary: "List the notifications of an alert",
      permission: "alert:read",
      tenancy: "named",
      params,
      query: z.strictObject(pageQuery),
      answers: { 200: jsonAnswer("A page of deliveries", listOf("deliveries", delivery)) },
      async handle({ tenant, params: { alertId }, query }) {
        const { items, nextCursor } = await inKnownTenant(catalog, tenant, async (tx) => {
          await getAlert(tx, tenant, alertId); // an empty list would be an answer about an alert that is not there
          return listDeliveries(tx, tenant, { ...query, alertId });
        });
        return { status: 200, body: { deliveries: items, nextCursor } };
      },
    }),
    endpoint({
      method: "post",
      path: "/v1/alerts/:alertId/acknowledge",
      summary: "Say that somebody has seen the alert",
      permission: "alert:write",
      tenancy: "named",
      params,
      answers: alertAnswer,
      handle: (call) =>
        change(call, "alert.acknowledge", (tx) =>
          acknowledgeAlert(tx, call.tenant, call.params.alertId, { by: call.caller.id }),
        ),
    }),
    endpoint({
      method: "post",
      path: "/v1/alerts/:alertId/shelve",
      summary: "Put the alert aside until an instant",
      permission: "alert:write",
      tenancy: "named",
      params,
      body: z.strictObject({ until: instant }),
      answers: alertAnswer,
      handle: (call) =>
        change(call, "alert.shelve", (tx) =>
          shelveAlert(tx, call.tenant, call.params.alertId, {
            by: call.caller.id,
            untilMs: Date.parse(call.body.until),
          }),
        ),
    }),
    endpoint({
      method: "post",
      path: "/v1/alerts/:alertId/comment",
      summary: "Write a comment",
      permission: "alert:write",
      tenancy: "named",
      params,
      body: z.strictObject({ text: z.string().min(1).max(2_000) }),
      answers: alertAnswer,
      handle: (call) =>
        change(call, "alert.comment", (tx) =>
          commentAlert(tx, call.tenant, call.params.alertId, { by: call.caller.id, text: call.body.text }),
        ),
    }),
  ];
}

interface ChangeCall {
  readonly caller: Caller;
  readonly tenant: TenantId;
  readonly params: { readonly alertId: string };
}
