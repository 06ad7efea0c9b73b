import * as z from "zod";
import { getIncident, listIncidents } from "../../data/catalog/incident.ts";
import { INCIDENT_SCOPES } from "../../model/incident.ts";
import { SEVERITIES } from "../../model/rule.ts";
import { endpoint, jsonAnswer, type Endpoint } from "./endpoint.ts";
import { instant, listOf, pageQuery } from "./schemas.ts";
import type { ApiServices } from "./services.ts";
import { inKnownTenant } from "./tenant-work.ts";

const params = z.strictObject({ incidentId: z.string().min(1).max(128) });
const state = z.enum(["open", "ended"]);
const incident = z
  .strictObject({
    id: z.string(),
    state,
    scope: z.enum(INCIDENT_SCOPES).meta({ description: "What its alerts have in common" }),
    subject: z.string().meta({ description: "Id of the machine or the rule" }),
    severity: z.enum(SEVERITIES),
    openedAt: instant,
    lastAlertAt: instant,
    endedAt: instant.nullable(),
    alertCount: z.int(),
    standingCount: z.int(),
  })
  .meta({ id: "Incident" });

export function incidentEndpoints({ catalog }: ApiServices): Endpoint[] {
  return [
    endpoint({
      method: "get",
      path: "/v1/incidents",
      summary: "List floods of alerts, newest first",
      description: "`GET /v1/alerts?incident=ID` lists the alerts of one.",
      permission: "alert:read",
      tenancy: "named",
      query: z.strictObject({ ...pageQuery, state: state.optional() }),
      answers: { 200: jsonAnswer("A page of incidents", listOf("incidents", incident)) },
      async handle({ tenant, query }) {
        const { items, nextCursor } = await inKnownTenant(catalog, tenant, (tx) =>
          listIncidents(tx, tenant, query),
        );
        return { status: 200, body: { incidents: items, nextCursor } };
      },
    }),
    endpoint({
      method: "get",
      path: "/v1/incidents/:incidentId",
      summary: "Show an incident",
      permission: "alert:read",
      tenancy: "named",
      params,
      answers: { 200: jsonAnswer("The incident", z.strictObject({ incident })) },
      async handle({ tenant, params: { incidentId } }) {
        const found = await inKnownTenant(catalog, tenant, (tx) => getIncident(tx, tenant, incidentId));
        return { status: 200, body: { incident: found } };
      },
    }),
  ];
}
