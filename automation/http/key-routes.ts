import * as z from "zod";
import { createKey, deleteKey, listKeys } from "../../data/catalog/api-key.ts";
import { inTransaction } from "../../data/pool.ts";
import { externalId } from "../../model/reading.ts";
import { PLATFORM_ROLES, TENANT_ROLES } from "../../model/role.ts";
import { endpoint, jsonAnswer, type Endpoint } from "./endpoint.ts";
import { instant, listOf, shortText, tenantParams } from "./schemas.ts";
import type { ApiServices } from "./services.ts";
import { inKnownTenant, recordAction } from "./tenant-work.ts";

const keyId = z.string().regex(/^[0-9a-f]{16}$/, "16 hexadecimal digits");
const keyParams = tenantParams.extend({ keyId });

const key = z
  .strictObject({
    id: z.string(),
    role: z.enum([...TENANT_ROLES, ...PLATFORM_ROLES]),
    label: z.string(),
    machineId: z.string().nullable().meta({ description: "The only machine that it may speak for" }),
    createdAt: instant,
    createdBy: z.string(),
    lastUsedAt: instant.nullable().meta({ description: "To the hour" }),
  })
  .meta({ id: "Key" });

const keyList = jsonAnswer("The keys, without their secrets", listOf("keys", key));

const madeKey = jsonAnswer(
  "The key; `secret` is the bearer token and is shown this once",
  z.strictObject({ key: z.strictObject({ id: z.string(), secret: z.string() }) }),
);

const revoked = { 204: { description: "Revoked, at once" } };

const newPlatformKey = z.strictObject({ role: z.enum(PLATFORM_ROLES), label: shortText });
const newTenantKey = z
  .strictObject({
    role: z.enum(TENANT_ROLES),
    label: shortText,
    machineId: externalId
      .optional()
      .meta({ description: "With the role `machine`: the only one it may send for" }),
  })
  .refine(({ role, machineId }) => machineId === undefined || role === "machine", {
    path: ["machineId"],
    message: "only a key with the role machine belongs to one machine",
  });

export function keyEndpoints({ catalog }: ApiServices): Endpoint[] {
  return [
    endpoint({
      method: "post",
      path: "/v1/tenants/:tenantId/keys",
      summary: "Make a key of a tenant",
      permission: "key:write",
      tenancy: "named",
      params: tenantParams,
      body: newTenantKey,
      answers: { 201: madeKey },
      async handle({ caller, tenant, body: { role, label, machineId } }) {
        const made = await inKnownTenant(catalog, tenant, async (tx) => {
          const { id, token } = await createKey(tx, tenant, { role, label, machineId, createdBy: caller.id });
          const detail = { role, label, ...(machineId !== undefined && { machineId }) };
          await recordAction(tx, caller, "key.create", { tenant, subject: id, detail });
          return { id, secret: token };
        });
        return { status: 201, body: { key: made } };
      },
    }),
    endpoint({
      method: "get",
      path: "/v1/tenants/:tenantId/keys",
      summary: "List a tenant's keys",
      permission: "key:read",
      tenancy: "named",
      params: tenantParams,
      answers: { 200: keyList },
      async handle({ tenant }) {
        const keys = await inKnownTenant(catalog, tenant, (tx) => listKeys(tx, tenant));
        return { status: 200, body: { keys, nextCursor: null } };
      },
    }),
    endpoint({
      method: "delete",
      path: "/v1/tenants/:tenantId/keys/:keyId",
      summary: "Revoke a key of a tenant",
      permission: "key:write",
      tenancy: "named",
      params: keyParams,
      answers: revoked,
      async handle({ caller, tenant, params }) {
        await inKnownTenant(catalog, tenant, async (tx) => {
          await deleteKey(tx, tenant, params.keyId);
          await recordAction(tx, caller, "key.revoke", { tenant, subject: params.keyId });
        });
        return { status: 204 };
      },
    }),
    endpoint({
      method: "post",
      path: "/v1/keys",
      summary: "Make a key of the platform",
      permission: "platform-key:write",
      tenancy: "none",
      body: newPlatformKey,
      answers: { 201: madeKey },
      async handle({ caller, body: { role, label } }) {
        const made = await inTransaction(catalog.service, async (tx) => {
          const { id, token } = await createKey(tx, undefined, { role, label, createdBy: caller.id });
          await recordAction(tx, caller, "key.create", {
            tenant: null,
            subject: id,
            detail: { role, label },
          });
          return { id, secret: token };
        });
        return { status: 201, body: { key: made } };
      },
    }),
    endpoint({
      method: "get",
      path: "/v1/keys",
      summary: "List the platform's keys",
      permission: "platform-key:read",
      tenancy: "none",
      answers: { 200: keyList },
      async handle() {
        return { status: 200, body: { keys: await listKeys(catalog.service, undefined), nextCursor: null } };
      },
    }),
    endpoint({
      method: "delete",
      path: "/v1/keys/:keyId",
      summary: "Revoke a key of the platform",
      permission: "platform-key:write",
      tenancy: "none",
      params: z.strictObject({ keyId }),
      answers: revoked,
      async handle({ caller, params }) {
        await inTransaction(catalog.service, async (tx) => {
          await deleteKey(tx, undefined, params.keyId);
          await recordAction(tx, caller, "key.revoke", { tenant: null, subject: params.keyId });
        });
        return { status: 204 };
      },
    }),
  ];
}
