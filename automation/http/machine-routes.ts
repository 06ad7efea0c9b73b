import * as z from "zod";
import {
  listRegistered,
  MAX_MACHINES_PER_TENANT,
  refuseUnknownMachines,
  registerMachines,
  registerUnknownMachines,
  removeMachine,
  type RegisteredMachine,
} from "../../data/catalog/machine-registry.ts";
import { decodeCursor, pageOf } from "../../data/catalog/page.ts";
import { listReportedMachines, type MachineRange, type ReportedMachine } from "../../data/cell/machine.ts";
import { UNKNOWN_MACHINES } from "../../model/machine-history.ts";
import { externalId, READING_TYPES } from "../../model/reading.ts";
import type { TenantId } from "../../model/tenant.ts";
import { endpoint, jsonAnswer, type Endpoint } from "./endpoint.ts";
import { instant, listOf, pageQuery } from "./schemas.ts";
import type { ApiServices } from "./services.ts";
import { inKnownTenant, recordAction } from "./tenant-work.ts";

const MAX_MACHINES_PER_CALL = 1_000;

const registered = z.strictObject({
  machineId: z.string(),
  registeredFrom: instant.meta({ description: "Holds for what comes in from then on" }),
});

const machine = z
  .strictObject({
    machineId: z.string(),
    registeredFrom: instant.nullable().meta({ description: "null: known by its readings only" }),
    types: z.array(z.enum(READING_TYPES)).meta({ description: "What it has reported; empty: nothing yet" }),
  })
  .meta({ id: "Machine" });

const policy = z.strictObject({
  unknownMachines: z.enum(UNKNOWN_MACHINES),
  validFrom: instant.nullable().meta({ description: "null: it has never been another" }),
});

/** Whose readings a tenant takes. */
export function machineEndpoints({ catalog, cells }: ApiServices): Endpoint[] {
  return [
    endpoint({
      method: "get",
      path: "/v1/machines",
      summary: "List machines, by id",
      description: "Those that are registered, and those that have reported.",
      permission: "machine:read",
      tenancy: "named",
      query: z.strictObject(pageQuery),
      answers: { 200: jsonAnswer("A page of machines", listOf("machines", machine)) },
      async handle({ tenant, query }) {
        const { limit, cursor } = query;
        const [after] = decodeCursor(cursor, 1);
        const known = await inKnownTenant(catalog, tenant, (tx) => listRegistered(tx, tenant, query));
        const range = { after: after ?? undefined, limit: limit + 1 };
        const merged = mergedById(known, await reportedMachines(tenant, range));
        const { items, nextCursor } = pageOf(merged, limit, ({ machineId }) => [machineId]);
        return { status: 200, body: { machines: items, nextCursor } };
      },
    }),
    endpoint({
      method: "post",
      path: "/v1/machines",
      summary: "Register machines",
      description:
        "Where unknown machines are refused, readings of these are taken from `registeredFrom` on. One that is " +
        "registered already stays as it is.",
      permission: "machine:write",
      tenancy: "named",
      body: z
        .strictObject({
          machines: z
            .array(z.strictObject({ machineId: externalId }))
            .min(1)
            .max(MAX_MACHINES_PER_CALL),
        })
        .meta({ id: "NewMachines" }),
      answers: {
        201: jsonAnswer("They are registered", z.strictObject({ machines: z.array(registered) })),
      },
      async handle({ caller, tenant, body }) {
        const machineIds = [...new Set(body.machines.map(({ machineId }) => machineId))];
        const machines = await inKnownTenant(catalog, tenant, async (tx) => {
          const done = await registerMachines(tx, tenant, machineIds);
          const detail = { count: machineIds.length, first: machineIds[0] };
          await recordAction(tx, caller, "machine.register", { tenant, subject: tenant, detail });
          return done;
        });
        return { status: 201, body: { machines } };
      },
    }),
    endpoint({
      method: "put",
      path: "/v1/machines/policy",
      summary: "Say what becomes of readings of unknown machines",
      description:
        "Valid for what comes in from `validFrom` on. `refuse` registers the machines that have reported until now, but " +
        "for those that were removed; readings of others become dead letters.",
      permission: "machine:write",
      tenancy: "named",
      body: z.strictObject({ unknownMachines: z.enum(UNKNOWN_MACHINES) }).meta({ id: "MachinePolicy" }),
      answers: { 200: jsonAnswer("The policy", z.strictObject({ policy })) },
      async handle({ caller, tenant, body: { unknownMachines } }) {
        const reported = unknownMachines === "refuse" ? await allReported(tenant) : [];
        const now = await inKnownTenant(catalog, tenant, async (tx) => {
          const changed =
            unknownMachines === "refuse"
              ? await refuseUnknownMachines(tx, tenant, reported)
              : await registerUnknownMachines(tx, tenant);
          const detail = { unknownMachines };
          await recordAction(tx, caller, "machine.policy", { tenant, subject: tenant, detail });
          return changed;
        });
        return { status: 200, body: { policy: now } };
      },
    }),
    endpoint({
      method: "delete",
      path: "/v1/machines/:machineId",
      summary: "Remove a machine from the registry",
      description:
        "Where unknown machines are refused, its readings become dead letters some seconds later. What is stored stays.",
      permission: "machine:write",
      tenancy: "named",
      params: z.strictObject({ machineId: externalId }),
      answers: { 204: { description: "It is not registered" } },
      async handle({ caller, tenant, params: { machineId } }) {
        await inKnownTenant(catalog, tenant, async (tx) => {
          await removeMachine(tx, tenant, machineId);
          await recordAction(tx, caller, "machine.remove", { tenant, subject: machineId });
        });
        return { status: 204 };
      },
    }),
  ];

  function reportedMachines(tenant: TenantId, range: MachineRange): Promise<readonly ReportedMachine[]> {
    return cells.inCell(tenant, "read only", (tx) => listReportedMachines(tx, tenant, range));
  }

  async function allReported(tenant: TenantId): Promise<readonly string[]> {
    // one too many is the registry's to refuse
    const range = { after: undefined, limit: MAX_MACHINES_PER_TENANT + 1 };
    return (await reportedMachines(tenant, range)).map(({ machineId }) => machineId);
  }
}

/** Ids are ASCII, so JavaScript's order is that of both databases. */
function mergedById(known: readonly RegisteredMachine[], reported: readonly ReportedMachine[]) {
  const machines = new Map<string, z.infer<typeof machine>>();
  for (const { machineId, registeredFrom } of known)
    machines.set(machineId, { machineId, registeredFrom, types: [] });
  for (const { machineId, types } of reported) {
    const registeredFrom = machines.get(machineId)?.registeredFrom ?? null;
    machines.set(machineId, { machineId, registeredFrom, types: [...types] });
  }
  return [...machines.values()].sort((a, b) => (a.machineId < b.machineId ? -1 : 1));
}
