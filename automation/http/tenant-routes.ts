import * as z from "zod";
import { inTenant } from "../../data/catalog/catalog.ts";
import { getTenant, listTenants, type TenantChange } from "../../data/catalog/tenant.ts";
import { mayDo } from "../../model/role.ts";
import { UNKNOWN_MACHINES } from "../../model/machine-history.ts";
import { MillwrightError } from "../../model/errors.ts";
import { TIERS, TOPIC_KINDS, tenantId, type TenantId } from "../../model/tenant.ts";
import { quoteTenant } from "../../model/cost/quote.ts";
import { quoteBasis } from "../cost/quote-basis.ts";
import { quoteAnswer, quoteSchema } from "./cost-schemas.ts";
import { endpoint, jsonAnswer, type Endpoint } from "./endpoint.ts";
import { accepted, acceptedAnswer } from "./operation-routes.ts";
import {
  idempotencyHeader,
  listOf,
  pageQuery,
  shortText,
  tenant as tenantSchema,
  tenantFields,
  tenantParams,
} from "./schemas.ts";
import type { ApiServices } from "./services.ts";
import { requestOf } from "./tenant-work.ts";

const newTenant = z
  .strictObject({
    id: tenantId,
    name: tenantFields.name,
    tier: z.enum(TIERS),
    topic: z
      .enum(TOPIC_KINDS)
      .optional()
      .meta({ description: "Of the readings in the event log; the platform's default when left out" }),
    machines: tenantFields.machines.default(0),
    unknownMachines: z
      .enum(UNKNOWN_MACHINES)
      .default("register")
      .meta({ description: "What becomes of readings of machines that nobody has registered" }),
    budgetUsdPerMonth: tenantFields.budgetUsdPerMonth.default(null),
    contacts: tenantFields.contacts.default([]),
  })
  .meta({ id: "NewTenant" });

const tenantChange = z
  .strictObject(tenantFields)
  .partial()
  .refine((change) => Object.keys(change).length > 0, "at least one field")
  .meta({ id: "TenantChange" });

const dryRunAnswer = z.strictObject({
  quote: quoteSchema,
  policy: z.strictObject({
    passed: z.boolean(),
    violations: z.array(z.strictObject({ policy: z.string(), resource: z.string(), message: z.string() })),
  }),
});

const tenantAnswer = jsonAnswer("The tenant", z.strictObject({ tenant: tenantSchema }));

export function tenantEndpoints({ catalog, operations, pricedPlace, nowMs }: ApiServices): Endpoint[] {
  return [
    endpoint({
      method: "post",
      path: "/v1/tenants",
      summary: "Create a tenant",
      description:
        "With dryRun nothing is made: the answer says what it would cost, and what the policies find.",
      permission: "tenant:create",
      tenancy: "none",
      query: z.strictObject({ dryRun: z.enum(["true", "false"]).default("false") }),
      headers: idempotencyHeader,
      body: newTenant,
      answers: { 202: acceptedAnswer, 200: jsonAnswer("What a create would meet", dryRunAnswer) },
      async handle({ caller, query, headers, body }) {
        if (query.dryRun === "true") {
          const violations = await operations.violations(body);
          const basis = await quoteBasis(catalog.service, pricedPlace, nowMs(), body.id);
          const quote = quoteAnswer(quoteTenant(basis, { ...body, assumptions: {} }), basis);
          return { status: 200, body: { quote, policy: { passed: violations.length === 0, violations } } };
        }
        const idempotencyKey = headers["idempotency-key"];
        return accepted(await operations.startCreate(body, requestOf(caller, { idempotencyKey })));
      },
    }),
    endpoint({
      method: "get",
      path: "/v1/tenants",
      summary: "List tenants, by id",
      description: "A tenant's own credential sees its tenant only.",
      permission: "tenant:read",
      tenancy: "optional",
      query: z.strictObject(pageQuery),
      answers: { 200: jsonAnswer("A page of tenants", listOf("tenants", tenantSchema)) },
      async handle({ tenant, query }) {
        const { items, nextCursor } =
          tenant === undefined
            ? await listTenants(catalog.service, query)
            : await inTenant(catalog, tenant, (tx) => listTenants(tx, query));
        return { status: 200, body: { tenants: items, nextCursor } };
      },
    }),
    endpoint({
      method: "get",
      path: "/v1/tenants/:tenantId",
      summary: "Show a tenant",
      permission: "tenant:read",
      tenancy: "named",
      params: tenantParams,
      answers: { 200: tenantAnswer },
      async handle({ tenant }) {
        return {
          status: 200,
          body: { tenant: await inTenant(catalog, tenant, (tx) => getTenant(tx, tenant)) },
        };
      },
    }),
    endpoint({
      method: "patch",
      path: "/v1/tenants/:tenantId",
      summary: "Change a tenant's facts",
      description: "A tenant-admin may change the budget only. For unknownMachines see /v1/machines/policy.",
      permission: "tenant:budget",
      tenancy: "named",
      params: tenantParams,
      headers: idempotencyHeader,
      body: tenantChange,
      answers: { 202: acceptedAnswer },
      async handle({ caller, tenant, headers, body }) {
        const isBudgetOnly = Object.keys(body).every((field) => field === "budgetUsdPerMonth");
        if (!isBudgetOnly && !mayDo(caller.role, "tenant:update"))
          throw new MillwrightError("forbidden", `The role ${caller.role} may change the budget only.`);
        const idempotencyKey = headers["idempotency-key"];
        return accepted(
          await operations.startUpdate(tenant, body as TenantChange, requestOf(caller, { idempotencyKey })),
        );
      },
    }),
    endpoint({
      method: "post",
      path: "/v1/tenants/:tenantId/rotate",
      summary: "Give a tenant's database logins new passwords",
      description:
        "Readings and queries go on. Who logs in to the database directly finds the reader's new password where the " +
        "deployment keeps its secrets, as `reader-TENANT`; open sessions stay.",
      permission: "login:rotate",
      tenancy: "named",
      params: tenantParams,
      headers: idempotencyHeader,
      body: z.strictObject({ reason: shortText.optional() }).prefault({}),
      answers: { 202: acceptedAnswer },
      async handle({ caller, tenant, headers, body: { reason } }) {
        const request = requestOf(caller, { idempotencyKey: headers["idempotency-key"], reason });
        return accepted(await operations.startRotate(tenant, request));
      },
    }),
    endpoint({
      method: "post",
      path: "/v1/tenants/:tenantId/restore",
      summary: "Take a tenant's own database back to an earlier state",
      description:
        "From the backups of its servers, where there are any. Until it has ended nothing can be read; what the event log " +
        "has since then is read again, so no reading is lost. All of the tenant's logins get new passwords.",
      permission: "tenant:restore",
      tenancy: "named",
      params: tenantParams,
      headers: idempotencyHeader,
      body: z.strictObject({
        to: z.union([z.literal("latest"), z.iso.datetime()]),
        confirm: z.string().max(100),
        reason: shortText.optional(),
      }),
      answers: { 202: acceptedAnswer },
      async handle({ caller, tenant, headers, body: { to, confirm, reason } }) {
        checkConfirmed(tenant, confirm);
        const request = requestOf(caller, { idempotencyKey: headers["idempotency-key"], reason });
        return accepted(await operations.startRestore(tenant, to, request));
      },
    }),
    endpoint({
      method: "delete",
      path: "/v1/tenants/:tenantId",
      summary: "Delete a tenant with all its data",
      description: "The operation's result is the deletion certificate.",
      permission: "tenant:delete",
      tenancy: "named",
      params: tenantParams,
      headers: idempotencyHeader,
      body: z.strictObject({ confirm: z.string().max(100), reason: shortText.optional() }),
      answers: { 202: acceptedAnswer },
      async handle({ caller, tenant, headers, body: { confirm, reason } }) {
        checkConfirmed(tenant, confirm);
        const idempotencyKey = headers["idempotency-key"];
        return accepted(await operations.startDelete(tenant, requestOf(caller, { idempotencyKey, reason })));
      },
    }),
  ];
}

function checkConfirmed(tenant: TenantId, confirm: string): void {
  if (confirm === tenant) return;
  const message = `Repeat the id: {"confirm":"${tenant}"}.`;
  const fields = [{ pointer: "/confirm", message: "is not the tenant's id" }];
  throw new MillwrightError("confirmation-missing", message, { fields });
}
