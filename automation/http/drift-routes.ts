import * as z from "zod";
import { driftOf, listDrift, type KeptDrift } from "../../data/catalog/stack-drift.ts";
import { DRIFT_STATUSES } from "../../model/drift.ts";
import { MillwrightError } from "../../model/errors.ts";
import { endpoint, jsonAnswer, type Endpoint } from "./endpoint.ts";
import { instant, listOf, pageQuery, tenantParams } from "./schemas.ts";
import type { ApiServices } from "./services.ts";
import { inKnownTenant, recordAction } from "./tenant-work.ts";

const stackDrift = z
  .strictObject({
    stack: z.string(),
    tenant: z.string().nullable().meta({ description: "null: the platform's own stack" }),
    checkedAt: instant,
    status: z
      .enum(DRIFT_STATUSES)
      .meta({ description: "failed: the differences are those of the look before" }),
    error: z.string().nullable().meta({ description: "The code of what failed" }),
    differences: z.array(
      z.strictObject({
        urn: z.string(),
        kind: z.enum(["changed", "gone"]),
        properties: z.array(
          z.strictObject({
            name: z.string(),
            expected: z
              .unknown()
              .optional()
              .meta({ description: "Left out, as is `found`, where it may be a secret" }),
            found: z.unknown().optional(),
          }),
        ),
      }),
    ),
  })
  .meta({ id: "StackDrift" });

const driftEnvelope = z.strictObject({ drift: stackDrift.nullable() });

export function driftEndpoints({ catalog, drift }: ApiServices): Endpoint[] {
  return [
    endpoint({
      method: "get",
      path: "/v1/drift",
      summary: "What differs in each stack from what was made, as the last look found it",
      permission: "drift:read",
      tenancy: "none",
      query: z.strictObject(pageQuery),
      answers: { 200: jsonAnswer("A page of stacks by name", listOf("stacks", stackDrift)) },
      async handle({ query }) {
        const { items, nextCursor } = await listDrift(catalog.service, query);
        return { status: 200, body: { stacks: items.map(toAnswer), nextCursor } };
      },
    }),
    endpoint({
      method: "get",
      path: "/v1/tenants/:tenantId/drift",
      summary: "What differs in the tenant's stack from what was made",
      description: "As the last look found it, which is nightly; null before the first.",
      permission: "tenant:read",
      tenancy: "named",
      params: tenantParams,
      answers: { 200: jsonAnswer("The last look", driftEnvelope) },
      async handle({ tenant }) {
        const found = await inKnownTenant(catalog, tenant, (tx) => driftOf(tx, tenant));
        return { status: 200, body: { drift: found === undefined ? null : toAnswer(found) } };
      },
    }),
    endpoint({
      method: "post",
      path: "/v1/tenants/:tenantId/drift",
      summary: "Look at the tenant's stack now",
      description: "Changes nothing. Takes some seconds, and waits for a look that is on its way.",
      permission: "drift:write",
      tenancy: "named",
      params: tenantParams,
      answers: { 200: jsonAnswer("What was found", driftEnvelope) },
      async handle({ caller, tenant }) {
        const found = await drift.checkNow(tenant);
        if (found === undefined)
          throw new MillwrightError("tenant-busy", `Tenant ${tenant} is not ready, or an operation has it.`, {
            retryable: true,
          });
        await recordAction(catalog.service, caller, "drift.check", { tenant, subject: found.stack });
        return { status: 200, body: { drift: toAnswer(found) } };
      },
    }),
  ];
}

function toAnswer({ checkedAt, error, ...drift }: KeptDrift) {
  return { ...drift, checkedAt: checkedAt.toISOString(), error: error ?? null };
}
