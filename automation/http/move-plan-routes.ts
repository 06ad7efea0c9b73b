import * as z from "zod";
import { FLIP_LIMIT_MS } from "../../model/flip.ts";
import { MOVE_REFUSALS } from "../../model/move-gate.ts";
import { TIERS, type TenantId, type Tier } from "../../model/tenant.ts";
import { COPY_RATE_SOURCES, type MovePlan } from "../moves/plan-move.ts";
import { endpoint, jsonAnswer, type Endpoint } from "./endpoint.ts";
import { tenantParams } from "./schemas.ts";
import type { ApiServices } from "./services.ts";

const query = z
  .strictObject({
    tier: z.enum(TIERS),
    cell: z.string().min(1).max(60).optional().meta({ description: "A shared cell" }),
    newServer: z
      .enum(["true", "false"])
      .default("false")
      .meta({ description: "Another database of its own, for a tenant that has one" }),
  })
  .refine(({ tier, cell }) => cell === undefined || tier === "shared", {
    path: ["cell"],
    message: "only shared cells can be chosen",
  })
  .refine(({ tier, newServer }) => newServer === "false" || tier === "dedicated", {
    path: ["newServer"],
    message: "only dedicated tenants have a server",
  });

const ms = z.int().min(0);
const movePlan = z
  .strictObject({
    tenant: z.string(),
    from: z.strictObject({ tier: z.enum(TIERS), cell: z.string() }).nullable(),
    to: z.strictObject({
      tier: z.enum(TIERS),
      cell: z.string().nullable().meta({ description: "null: one is made, or none has room" }),
    }),
    refusals: z
      .array(z.strictObject({ code: z.enum(MOVE_REFUSALS), message: z.string() }))
      .meta({ description: "Every reason why it would not start; empty when it would" }),
    estimate: z
      .strictObject({
        rows: z.int(),
        bytes: z.int().meta({ description: "On disk now, compressed where it is" }),
        copyRowsPerSecond: z.int(),
        copyRateFrom: z.enum(COPY_RATE_SOURCES).meta({
          description: "The last large move, a short copy to nowhere, or nothing to measure by",
        }),
        ...{ buildMs: ms, copyMs: ms, proveMs: ms, totalMs: ms },
        pause: z
          .strictObject({ expectedMs: ms, limitMs: ms })
          .meta({ description: "Of the tenant's writes, which wait in the log; past the limit it stays" }),
        disk: z.strictObject({
          neededBytes: z.int(),
          freeBytes: z
            .int()
            .nullable()
            .meta({ description: "null: the server is not chosen yet, or says nothing" }),
        }),
      })
      .nullable()
      .meta({ description: "null: the tenant's database does not answer" }),
    cost: z
      .strictObject({
        source: z.literal("quote"),
        ...{ beforeUsdPerMonth: z.number(), afterUsdPerMonth: z.number() },
      })
      .nullable(),
  })
  .meta({ id: "MovePlan" });

export function movePlanEndpoints({ planMove }: ApiServices): Endpoint[] {
  return [
    endpoint({
      method: "get",
      path: "/v1/tenants/:tenantId/move-plan",
      summary: "What a move would take, and what stands against it",
      description: "Looks at everything that the move itself looks at before it begins; changes nothing.",
      permission: "tenant:move",
      tenancy: "named",
      params: tenantParams,
      query,
      answers: { 200: jsonAnswer("The plan", z.strictObject({ plan: movePlan })) },
      async handle({ tenant, query: { tier, cell, newServer } }) {
        const target = { tier, cell, newServer: newServer === "true" };
        return { status: 200, body: { plan: shown(tenant, tier, await planMove({ tenant, target })) } };
      },
    }),
  ];
}

function shown(tenant: TenantId, tier: Tier, { from, toCell, refusals, size, cost }: MovePlan) {
  return {
    ...{ tenant, from: from ?? null, to: { tier, cell: toCell ?? null }, refusals },
    estimate: size === undefined ? null : shownSize(size),
    cost: cost === undefined ? null : { source: "quote", ...cost },
  };
}

function shownSize({ estimate, ...size }: NonNullable<MovePlan["size"]>) {
  const { rowCount: rows, byteCount: bytes, copyRowsPerSecond, copyRateFrom, freeDiskBytes, pauseMs } = size;
  const { diskBytes: neededBytes, ...times } = estimate;
  return {
    ...{ rows, bytes, copyRowsPerSecond, copyRateFrom, ...times },
    pause: { expectedMs: pauseMs, limitMs: FLIP_LIMIT_MS },
    disk: { neededBytes, freeBytes: freeDiskBytes ?? null },
  };
}
