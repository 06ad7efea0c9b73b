import * as z from "zod";
import { putRuleBack, takeRuleOut } from "../../data/catalog/out-of-service.ts";
import { createRule, deleteRule, getRule, listRules, putRule } from "../../data/catalog/rule.ts";
import { ruleBody } from "../../model/rule.ts";
import { endpoint, jsonAnswer, type Endpoint } from "./endpoint.ts";
import { outOfService, outOfServiceBody } from "./out-of-service-routes.ts";
import { instant, listOf, pageQuery } from "./schemas.ts";
import type { ApiServices } from "./services.ts";
import { inKnownTenant, recordAction } from "./tenant-work.ts";

const params = z.strictObject({ ruleId: z.string().min(1).max(128) });
const rule = z
  .strictObject({
    ...ruleBody.shape,
    id: z.string(),
    outOfService: outOfService.nullable(),
    createdAt: instant,
    updatedAt: instant,
  })
  .meta({ id: "Rule" });
const ruleAnswer = (description: string) => jsonAnswer(description, z.strictObject({ rule }));

export function ruleEndpoints({ catalog }: ApiServices): Endpoint[] {
  return [
    endpoint({
      method: "post",
      path: "/v1/rules",
      summary: "Make a rule",
      description: "In force within a second, from state normal; stored rows and imports are not evaluated.",
      permission: "rule:write",
      tenancy: "named",
      body: ruleBody,
      answers: { 201: ruleAnswer("The rule") },
      async handle({ caller, tenant, body }) {
        const made = await inKnownTenant(catalog, tenant, async (tx) => {
          const created = await createRule(tx, tenant, body);
          await recordAction(tx, caller, "rule.create", { tenant, subject: created.id });
          return created;
        });
        return { status: 201, headers: { Location: `/v1/rules/${made.id}` }, body: { rule: made } };
      },
    }),
    endpoint({
      method: "get",
      path: "/v1/rules",
      summary: "List rules",
      permission: "rule:read",
      tenancy: "named",
      query: z.strictObject(pageQuery),
      answers: { 200: jsonAnswer("A page of rules", listOf("rules", rule)) },
      async handle({ tenant, query }) {
        const { items, nextCursor } = await inKnownTenant(catalog, tenant, (tx) =>
          listRules(tx, tenant, query),
        );
        return { status: 200, body: { rules: items, nextCursor } };
      },
    }),
    endpoint({
      method: "get",
      path: "/v1/rules/:ruleId",
      summary: "Show a rule",
      permission: "rule:read",
      tenancy: "named",
      params,
      answers: { 200: ruleAnswer("The rule") },
      async handle({ tenant, params: { ruleId } }) {
        const found = await inKnownTenant(catalog, tenant, (tx) => getRule(tx, tenant, ruleId));
        return { status: 200, body: { rule: found } };
      },
    }),
    endpoint({
      method: "put",
      path: "/v1/rules/:ruleId",
      summary: "Replace a rule",
      permission: "rule:write",
      tenancy: "named",
      params,
      body: ruleBody,
      answers: { 200: ruleAnswer("The rule as it is now") },
      async handle({ caller, tenant, params: { ruleId }, body }) {
        const replaced = await inKnownTenant(catalog, tenant, async (tx) => {
          const put = await putRule(tx, tenant, ruleId, body);
          await recordAction(tx, caller, "rule.replace", { tenant, subject: ruleId });
          return put;
        });
        return { status: 200, body: { rule: replaced } };
      },
    }),
    endpoint({
      method: "delete",
      path: "/v1/rules/:ruleId",
      summary: "Delete a rule",
      permission: "rule:write",
      tenancy: "named",
      params,
      answers: { 204: { description: "Deleted" } },
      async handle({ caller, tenant, params: { ruleId } }) {
        await inKnownTenant(catalog, tenant, async (tx) => {
          await deleteRule(tx, tenant, ruleId);
          await recordAction(tx, caller, "rule.delete", { tenant, subject: ruleId });
        });
        return { status: 204 };
      },
    }),
    endpoint({
      method: "post",
      path: "/v1/rules/:ruleId/out-of-service",
      summary: "Take a rule out of service",
      description: "Its alerts are still recorded, and nobody is told of them until it is back.",
      permission: "rule:write",
      tenancy: "named",
      params,
      body: outOfServiceBody,
      answers: { 200: ruleAnswer("The rule as it is now") },
      async handle({ caller, tenant, params: { ruleId }, body: { reason } }) {
        const taken = await inKnownTenant(catalog, tenant, async (tx) => {
          await takeRuleOut(tx, tenant, ruleId, { by: caller.id, reason });
          await recordAction(tx, caller, "rule.out-of-service", { tenant, subject: ruleId });
          return getRule(tx, tenant, ruleId);
        });
        return { status: 200, body: { rule: taken } };
      },
    }),
    endpoint({
      method: "post",
      path: "/v1/rules/:ruleId/in-service",
      summary: "Put a rule back into service",
      description: "People are told of its alerts that stand and that they have not heard of.",
      permission: "rule:write",
      tenancy: "named",
      params,
      answers: { 200: ruleAnswer("The rule as it is now") },
      async handle({ caller, tenant, params: { ruleId } }) {
        const back = await inKnownTenant(catalog, tenant, async (tx) => {
          await putRuleBack(tx, tenant, ruleId);
          await recordAction(tx, caller, "rule.in-service", { tenant, subject: ruleId });
          return getRule(tx, tenant, ruleId);
        });
        return { status: 200, body: { rule: back } };
      },
    }),
  ];
}
