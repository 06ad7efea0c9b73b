import type pg from "pg";
import * as z from "zod";
import { inTenant, type Catalog } from "../../data/catalog/catalog.ts";
import { recordSystemEvent } from "../../data/catalog/system-event.ts";
import {
  approveDecision,
  DECISION_STATUSES,
  listDecisions,
  refuseDecision,
  type Decision,
} from "../../data/catalog/trigger-decision.ts";
import { inTransaction } from "../../data/pool.ts";
import { DIRECTIONS } from "../../model/trigger.ts";
import { endpoint, jsonAnswer, type Endpoint } from "./endpoint.ts";
import { instant, listOf, pageQuery, shortText } from "./schemas.ts";
import type { ApiServices } from "./services.ts";
import { recordAction } from "./tenant-work.ts";
import { triggerHolds, triggerReasons } from "./trigger-routes.ts";

const params = z.strictObject({ decisionId: z.uuid() });
const reasonBody = z.strictObject({ reason: shortText.optional() }).prefault({});

const decision = z
  .strictObject({
    ...{ id: z.uuid(), tenant: z.string(), direction: z.enum(DIRECTIONS), status: z.enum(DECISION_STATUSES) },
    evidence: z.strictObject({
      hour: instant.meta({ description: "The hour whose usage decided: the windows end with it" }),
      reasons: triggerReasons,
      configVersion: z.int(),
    }),
    holds: triggerHolds.meta({ description: "Why it has not started" }),
    ...{ decidedAt: instant, approvedAt: instant.nullable(), approvedBy: z.string().nullable() },
    operation: z.uuid().nullable(),
    endedAt: instant.nullable(),
  })
  .meta({ id: "Decision" });
const decisionAnswer = jsonAnswer("The decision", z.strictObject({ decision }));

export function decisionEndpoints({ catalog }: ApiServices): Endpoint[] {
  return [
    endpoint({
      method: "get",
      path: "/v1/triggers/decisions",
      summary: "What the triggers have decided, newest first",
      permission: "decision:read",
      tenancy: "optional",
      query: z.strictObject({ ...pageQuery, status: z.enum(DECISION_STATUSES).optional() }),
      answers: { 200: jsonAnswer("A page of decisions", listOf("decisions", decision)) },
      async handle({ caller, tenant, query }) {
        const filter = { ...query, tenant };
        const { items, nextCursor } =
          caller.tenant === undefined
            ? await listDecisions(catalog.service, filter)
            : await inTenant(catalog, caller.tenant, (tx) => listDecisions(tx, filter));
        return { status: 200, body: { decisions: items, nextCursor } };
      },
    }),
    verdict(catalog, "approve", {
      summary: "Let a decision start its move",
      description: "It starts within a minute, or when its other gates open.",
      pass: (tx, decisionId, by) => approveDecision(tx, decisionId, by),
    }),
    verdict(catalog, "refuse", {
      summary: "Let a decision start nothing",
      description: "The trigger fires again when its values have gone back and passed the limits once more.",
      async pass(tx, decisionId) {
        const refused = await refuseDecision(tx, decisionId);
        const { tenant, direction } = refused;
        const detail = { decision: decisionId, direction };
        await recordSystemEvent(tx, { kind: "trigger.refused", tenant, detail, key: decisionId });
        return refused;
      },
    }),
  ];
}

/** What a person says about a decision that waits. */
function verdict(
  catalog: Catalog,
  verb: "approve" | "refuse",
  {
    pass,
    ...texts
  }: {
    readonly summary: string;
    readonly description: string;
    readonly pass: (tx: pg.PoolClient, decision: string, by: string) => Promise<Decision>;
  },
): Endpoint {
  return endpoint({
    method: "post",
    path: `/v1/decisions/:decisionId/${verb}`,
    ...texts,
    permission: "decision:write",
    tenancy: "none",
    params,
    body: reasonBody,
    answers: { 200: decisionAnswer },
    async handle({ caller, params: { decisionId }, body }) {
      const passed = await inTransaction(catalog.service, async (tx) => {
        const changed = await pass(tx, decisionId, caller.id);
        const { tenant } = changed;
        await recordAction(tx, caller, `decision.${verb}`, { tenant, subject: decisionId, detail: body });
        return changed;
      });
      return { status: 200, body: { decision: passed } };
    },
  });
}
