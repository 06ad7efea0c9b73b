import * as z from "zod";
import type { Operation } from "../../model/operation.ts";
import { TIERS, type TenantId } from "../../model/tenant.ts";
import type { OperationRequest } from "../operations/service.ts";
import { endpoint, type Endpoint } from "./endpoint.ts";
import { accepted, acceptedAnswer } from "./operation-routes.ts";
import { idempotencyHeader, shortText, tenantParams } from "./schemas.ts";
import type { ApiServices } from "./services.ts";
import { requestOf } from "./tenant-work.ts";

const reason = shortText.optional();

const move = z
  .strictObject({
    tier: z.enum(TIERS),
    cell: z
      .string()
      .max(60)
      .optional()
      .meta({ description: "A shared cell; the one with the most room when left out" }),
    newServer: z
      .boolean()
      .optional()
      .meta({ description: "Another database of its own, for a tenant that has one" }),
    reason,
  })
  .refine(({ tier, cell }) => cell === undefined || tier === "shared", {
    path: ["cell"],
    message: "only shared cells can be chosen",
  })
  .refine(({ tier, newServer }) => newServer !== true || tier === "dedicated", {
    path: ["newServer"],
    message: "only dedicated tenants have a server",
  })
  .meta({ id: "Move" });

const reasonBody = z.strictObject({ reason }).prefault({});

export function moveEndpoints({ operations }: ApiServices): Endpoint[] {
  return [
    endpoint({
      method: "post",
      path: "/v1/tenants/:tenantId/tier",
      summary: "Move a tenant to another tier, or to another cell of its tier",
      description: "It keeps writing; its old home follows for the grace period, as the way back.",
      permission: "tenant:move",
      tenancy: "named",
      params: tenantParams,
      headers: idempotencyHeader,
      body: move,
      answers: { 202: acceptedAnswer },
      async handle({ caller, tenant, headers, body: { reason: why, ...wanted } }) {
        const request = requestOf(caller, { idempotencyKey: headers["idempotency-key"], reason: why });
        return accepted(await operations.startMove(tenant, wanted, request));
      },
    }),
    wayBack("rollback", {
      summary: "Move a tenant back to the home that it came from",
      description: "Possible in the grace period after a move; nothing that was written since is lost.",
      start: operations.startRollback,
    }),
    wayBack("finish", {
      summary: "Take away the home that a tenant has left, before the grace period ends",
      description: "There is no way back from then on.",
      start: operations.startFinishMove,
    }),
  ];
}

/** What can become of the home that a tenant has left. */
function wayBack(
  verb: "rollback" | "finish",
  {
    start,
    ...texts
  }: {
    readonly summary: string;
    readonly description: string;
    readonly start: (tenant: TenantId, request: OperationRequest) => Promise<Operation>;
  },
): Endpoint {
  return endpoint({
    method: "post",
    path: `/v1/tenants/:tenantId/tier/${verb}`,
    ...texts,
    permission: "tenant:move",
    tenancy: "named",
    params: tenantParams,
    headers: idempotencyHeader,
    body: reasonBody,
    answers: { 202: acceptedAnswer },
    async handle({ caller, tenant, headers, body: { reason: why } }) {
      const request = requestOf(caller, { idempotencyKey: headers["idempotency-key"], reason: why });
      return accepted(await start(tenant, request));
    },
  });
}
