import * as z from "zod";
import { currentTriggers, putTriggers } from "../../data/catalog/trigger-config.ts";
import { inTransaction } from "../../data/pool.ts";
import { MillwrightError } from "../../model/errors.ts";
import { TRIGGER_METRICS, triggerConfig } from "../../model/trigger-config.ts";
import { GATES } from "../../model/trigger-gate.ts";
import { DIRECTIONS } from "../../model/trigger.ts";
import { startOf } from "../../model/usage.ts";
import { replayStored } from "../triggers/replay.ts";
import { endpoint, jsonAnswer, type Endpoint } from "./endpoint.ts";
import { instant, isoOf } from "./schemas.ts";
import type { ApiServices } from "./services.ts";
import { recordAction } from "./tenant-work.ts";
import { DAY_MS } from "../../model/duration.ts";

/** A quarter; longer holds the usage of all tenants in memory for an answer that nobody reads to its end. */
const MAX_REPLAY_MS = 92 * DAY_MS;

const stored = z
  .strictObject({
    triggers: triggerConfig,
    version: z.int().meta({ description: "0: the defaults" }),
    putAt: instant.nullable(),
    putBy: z.string().nullable(),
  })
  .meta({ id: "Triggers" });

export const triggerReasons = z.array(
  z.strictObject({
    metric: z.enum(TRIGGER_METRICS),
    value: z.number(),
    limit: z.number(),
    windowHours: z.int(),
  }),
);
export const triggerHolds = z.array(z.strictObject({ gate: z.enum(GATES), message: z.string() }));

const replayAnswer = z.strictObject({
  from: instant,
  to: instant,
  decisions: z.array(
    z.strictObject({
      ...{ tenant: z.string(), direction: z.enum(DIRECTIONS), decidedAt: instant, reasons: triggerReasons },
      startedAt: instant.nullable(),
      withdrawnAt: instant.nullable(),
      holds: triggerHolds,
    }),
  ),
  dedicatedHourCount: z.int(),
  dedicatedUsd: z.number().meta({
    description: "What those hours would cost more than the same in a shared database, as quotes say",
  }),
});

export function triggerEndpoints(services: ApiServices): Endpoint[] {
  const { catalog, nowMs } = services;
  return [
    endpoint({
      method: "get",
      path: "/v1/triggers",
      summary: "The triggers in force",
      permission: "trigger:read",
      tenancy: "none",
      answers: { 200: jsonAnswer("Triggers", stored) },
      handle: async () => ({ status: 200, body: await currentTriggers(catalog.service) }),
    }),
    endpoint({
      method: "put",
      path: "/v1/triggers",
      summary: "Replace the triggers",
      description:
        "In force from the next minute on. Open decisions stay, and are held against the new gates.",
      permission: "trigger:write",
      tenancy: "none",
      body: triggerConfig,
      answers: { 200: jsonAnswer("The triggers as they are now", stored) },
      async handle({ caller, body }) {
        const put = await inTransaction(catalog.service, async (tx) => {
          const made = await putTriggers(tx, body, caller.id);
          const subject = String(made.version);
          await recordAction(tx, caller, "triggers.put", { tenant: null, subject });
          return made;
        });
        return { status: 200, body: put };
      },
    }),
    endpoint({
      method: "post",
      path: "/v1/triggers/replay",
      summary: "What a trigger set would have done",
      description:
        "Over the stored usage of closed hours, at most 92 days; changes nothing. Without `config` with the triggers in " +
        "force. A move that may start is taken as done at once, an approval as not given; budgets and room are today's.",
      permission: "trigger:read",
      tenancy: "none",
      body: z.strictObject({ from: instant, to: instant, config: triggerConfig.optional() }),
      answers: { 200: jsonAnswer("Decisions, oldest first", replayAnswer) },
      async handle({ body: { from, to, config } }) {
        const fromMs = startOf("hour", Date.parse(from));
        const toMs = startOf("hour", Math.min(Date.parse(to), nowMs()));
        if (fromMs >= toMs || toMs - fromMs > MAX_REPLAY_MS)
          throw new MillwrightError(
            "request-invalid",
            "The range holds no closed hour, or more than 92 days.",
            {
              fields: [{ pointer: "/from", message: "an hour or more before `to` and now, at most 92 days" }],
            },
          );
        const { decisions, ...dedicated } = await replayStored(catalog.service, services, {
          ...{ fromMs, toMs, config },
        });
        const answer = {
          ...{ from: isoOf(fromMs), to: isoOf(toMs) },
          decisions: decisions.map(({ decidedAtMs, startedAtMs, withdrawnAtMs, ...decision }) => ({
            ...decision,
            decidedAt: isoOf(decidedAtMs),
            startedAt: startedAtMs === undefined ? null : isoOf(startedAtMs),
            withdrawnAt: withdrawnAtMs === undefined ? null : isoOf(withdrawnAtMs),
          })),
          ...dedicated,
        };
        return { status: 200, body: answer };
      },
    }),
  ];
}
