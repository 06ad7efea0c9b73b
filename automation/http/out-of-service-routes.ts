import * as z from "zod";
import {
  listMachinesOutOfService,
  putMachineBack,
  takeMachineOut,
} from "../../data/catalog/out-of-service.ts";
import { externalId } from "../../model/reading.ts";
import { endpoint, jsonAnswer, type Endpoint } from "./endpoint.ts";
import { instant, listOf, pageQuery, shortText } from "./schemas.ts";
import type { ApiServices } from "./services.ts";
import { inKnownTenant, recordAction } from "./tenant-work.ts";

/** ISA-18.2 wants the reason on record. */
export const outOfServiceBody = z.strictObject({ reason: shortText });
export const outOfService = z.strictObject({ since: instant, by: z.string(), reason: z.string() });

const params = z.strictObject({ machineId: externalId });
const machine = z.strictObject({ machineId: z.string(), ...outOfService.shape });

/** Machines that people have taken out of service; a rule's own stand with the rules. */
export function outOfServiceEndpoints({ catalog }: ApiServices): Endpoint[] {
  return [
    endpoint({
      method: "get",
      path: "/v1/machines/out-of-service",
      summary: "List the machines that are out of service",
      permission: "rule:read",
      tenancy: "named",
      query: z.strictObject(pageQuery),
      answers: { 200: jsonAnswer("A page of machines", listOf("machines", machine)) },
      async handle({ tenant, query }) {
        const { items, nextCursor } = await inKnownTenant(catalog, tenant, (tx) =>
          listMachinesOutOfService(tx, tenant, query),
        );
        return { status: 200, body: { machines: items, nextCursor } };
      },
    }),
    endpoint({
      method: "post",
      path: "/v1/machines/:machineId/out-of-service",
      summary: "Take a machine out of service",
      description: "Its alerts are still recorded, and nobody is told of them until it is back.",
      permission: "rule:write",
      tenancy: "named",
      params,
      body: outOfServiceBody,
      answers: { 200: jsonAnswer("Since when and why", z.strictObject({ machine })) },
      async handle({ caller, tenant, params: { machineId }, body: { reason } }) {
        const taken = await inKnownTenant(catalog, tenant, async (tx) => {
          const out = await takeMachineOut(tx, tenant, machineId, { by: caller.id, reason });
          await recordAction(tx, caller, "machine.out-of-service", { tenant, subject: machineId });
          return out;
        });
        return { status: 200, body: { machine: taken } };
      },
    }),
    endpoint({
      method: "post",
      path: "/v1/machines/:machineId/in-service",
      summary: "Put a machine back into service",
      description: "People are told of its alerts that stand and that they have not heard of.",
      permission: "rule:write",
      tenancy: "named",
      params,
      answers: { 204: { description: "It is in service" } },
      async handle({ caller, tenant, params: { machineId } }) {
        await inKnownTenant(catalog, tenant, async (tx) => {
          await putMachineBack(tx, tenant, machineId);
          await recordAction(tx, caller, "machine.in-service", { tenant, subject: machineId });
        });
        return { status: 204 };
      },
    }),
  ];
}
