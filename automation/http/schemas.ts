import * as z from "zod";
import { UNKNOWN_MACHINES } from "../../model/machine-history.ts";
import { OPERATION_KINDS, OPERATION_STATUSES } from "../../model/operation.ts";
import { TENANT_STATES, TIERS, TOPIC_KINDS, tenantId } from "../../model/tenant.ts";

/** What several addresses share; a schema of one address stands beside it. */

export const tenantParams = z.strictObject({ tenantId });

/** Text of people for people: a name, a label, a reason. */
export const shortText = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[^\u0000-\u001f\u007f]*$/, "no control characters");

export const instant = z.iso.datetime({ offset: true });

/** As {@link instant} has it. */
export function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}

export const pageQuery = {
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
  cursor: z.string().min(1).max(512).optional(),
};

export const idempotencyHeader = z.object({
  "idempotency-key": z
    .string()
    .regex(/^[\x21-\x7e]{1,128}$/, "1-128 printable ASCII characters")
    .optional(),
});

export const problem = z
  .strictObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string().optional(),
    code: z.string().meta({ description: "Stable: match on this one" }),
    retryable: z.boolean().meta({ description: "The same call, unchanged, may succeed later" }),
    errors: z.array(z.strictObject({ pointer: z.string(), message: z.string() })).optional(),
  })
  .meta({ id: "Problem", description: "RFC 9457" });

/** Nothing is free: a budget of 0 is a mistake, none is null. */
const budget = z.number().positive().max(1e9);

const contacts = z.array(z.strictObject({ email: z.email().max(254) })).max(50);

export const tenantFields = {
  name: shortText,
  machines: z.int().min(0).max(1_000_000),
  budgetUsdPerMonth: budget.nullable(),
  contacts,
};

export const tenant = z
  .strictObject({
    id: z.string(),
    ...tenantFields,
    unknownMachines: z.enum(UNKNOWN_MACHINES),
    tier: z.enum(TIERS),
    topic: z.enum(TOPIC_KINDS),
    state: z.enum(TENANT_STATES),
    placement: z
      .strictObject({ cell: z.string(), database: z.string(), schema: z.string(), epoch: z.int() })
      .nullable(),
    createdAt: instant,
  })
  .meta({ id: "Tenant" });

export const operation = z
  .strictObject({
    id: z.uuid(),
    kind: z.enum(OPERATION_KINDS),
    tenant: z.string(),
    status: z.enum(OPERATION_STATUSES),
    steps: z.array(
      z.strictObject({
        name: z.string(),
        status: z.enum(["pending", "running", "succeeded", "failed", "cancelled"]),
        startedAt: instant.nullable(),
        finishedAt: instant.nullable(),
        attempts: z.int(),
        detail: z.looseObject({}).optional(),
      }),
    ),
    error: problem.nullable(),
    result: z.looseObject({}).nullable(),
    requestedBy: z.string(),
    reason: z.string().nullable(),
    isCancelRequested: z.boolean(),
    attempt: z.int(),
    createdAt: instant,
    startedAt: instant.nullable(),
    finishedAt: instant.nullable(),
  })
  .meta({ id: "Operation" });

export const nextCursor = z.string().nullable();

/** `{"tenants":[…],"nextCursor":…}` */
export function listOf(name: string, item: z.ZodType): z.ZodObject {
  return z.strictObject({ [name]: z.array(item), nextCursor });
}
