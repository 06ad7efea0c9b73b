import * as z from "zod";
import { DRIFT_STATUSES } from "../../model/drift.ts";
import { HEALTH_STATUSES } from "../../model/tenant-health.ts";
import { endpoint, jsonAnswer, type Endpoint } from "./endpoint.ts";
import { instant, tenantParams } from "./schemas.ts";
import type { ApiServices } from "./services.ts";
import { requireTenant } from "./tenant-work.ts";

const status = z.enum(HEALTH_STATUSES).meta({ description: "unknown: nobody can say; worse than ok" });
const count = z.number().min(0);

function part<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.strictObject({
    status,
    reason: z.string().nullable(),
    facts: z.strictObject(shape).nullable().meta({ description: "null: could not be read" }),
  });
}

const lag = { lagRecords: count, lagMs: count };

const health = z
  .strictObject({
    tenant: z.string(),
    at: instant,
    status,
    parts: z.strictObject({
      dataPath: part({
        lastStoredAt: instant.nullable().meta({ description: "When the newest stored reading was appended" }),
        partitions: z.array(
          z.strictObject({ topic: z.string(), partition: z.int(), ...lag, isOutOfRange: z.boolean() }),
        ),
        openDeadLetterCount: count,
        isDeadLetterAlarm: z.boolean(),
      }),
      placement: part({
        cell: z.string(),
        epoch: z.int(),
        state: z.enum(["building", "stable", "flipping"]),
        flipDeadline: instant.nullable(),
        shadows: z.array(
          z.strictObject({
            cell: z.string(),
            until: instant.nullable().meta({ description: "Until then a move can be rolled back" }),
            ...lag,
            headroomMs: count.meta({ description: "Until the log drops what the shadow still needs" }),
          }),
        ),
      }),
      disk: part({ databaseBytes: count, tenantBytes: count, freeBytes: count.nullable() }),
      backups: part({}),
      alarms: part({
        activeAlerts: z.strictObject({ critical: count, high: count, medium: count, low: count }),
        failingChannels: z.array(z.string()),
        violationCount: count.meta({ description: "Alerts that took longer than the promise, in 30 days" }),
      }),
      drift: part({
        stack: z.string(),
        checkedAt: instant,
        status: z.enum(DRIFT_STATUSES),
        differenceCount: count,
      }),
    }),
  })
  .meta({ id: "TenantHealth" });

export function tenantHealthEndpoints({ catalog, health: healthOf }: ApiServices): Endpoint[] {
  return [
    endpoint({
      method: "get",
      path: "/v1/tenants/:tenantId/health",
      summary: "How a tenant is",
      description:
        "The worst of its parts. Each part is read by itself, so a database that is away is told and not waited for.",
      permission: "tenant:read",
      tenancy: "named",
      params: tenantParams,
      answers: { 200: jsonAnswer("Health", z.strictObject({ health })) },
      async handle({ caller, tenant }) {
        await requireTenant(catalog, caller, tenant);
        const { parts, ...whole } = await healthOf(tenant);
        const { placement } = parts;
        const facts = placement.facts && { ...placement.facts, epoch: Number(placement.facts.epoch) };
        return {
          status: 200,
          body: { health: { ...whole, parts: { ...parts, placement: { ...placement, facts } } } },
        };
      },
    }),
  ];
}
