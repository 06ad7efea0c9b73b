import * as z from "zod";
import { listAudit } from "../../data/catalog/audit.ts";
import { inTenant } from "../../data/catalog/catalog.ts";
import { endpoint, jsonAnswer, type Endpoint } from "./endpoint.ts";
import { instant, listOf, pageQuery } from "./schemas.ts";
import type { ApiServices } from "./services.ts";

const entry = z
  .strictObject({
    id: z.int(),
    at: instant,
    actor: z.string().meta({ description: "Id of the credential" }),
    role: z.string(),
    from: z.string().nullable(),
    action: z.string(),
    tenant: z.string().nullable(),
    subject: z.string().nullable(),
    result: z.string(),
    detail: z.looseObject({}).optional(),
    hash: z.string().meta({ description: "SHA-256 over the entry before and this one" }),
  })
  .meta({ id: "AuditEntry" });

export function auditEndpoints({ catalog }: ApiServices): Endpoint[] {
  return [
    endpoint({
      method: "get",
      path: "/v1/audit",
      summary: "Who did what, newest first",
      permission: "audit:read",
      tenancy: "optional",
      query: z.strictObject(pageQuery),
      answers: { 200: jsonAnswer("A page of entries", listOf("entries", entry)) },
      async handle({ caller, tenant, query }) {
        const filter = tenant === undefined ? query : { ...query, tenant };
        // A tenant's own credential sees nothing of a former tenant with its id; the platform's people see all.
        const { items, nextCursor } =
          caller.tenant === undefined
            ? await listAudit(catalog.service, filter)
            : await inTenant(catalog, caller.tenant, (tx) => listAudit(tx, filter));
        return { status: 200, body: { entries: items, nextCursor } };
      },
    }),
  ];
}
