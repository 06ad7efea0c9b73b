import * as z from "zod";
import { usdOf } from "../../model/cost/money.ts";
import { environmentCostWith } from "../cost/environment.ts";
import { endpoint, jsonAnswer, type Endpoint } from "./endpoint.ts";
import type { ApiServices } from "./services.ts";

const environment = z
  .strictObject({
    currency: z.literal("USD"),
    platformUsdPerMonth: z.number().meta({ description: "The platform's stack with its shared databases" }),
    tenantsUsdPerMonth: z.number().meta({ description: "All tenants' stacks and their use" }),
    budgetUsdPerMonth: z.number().meta({ description: "What both together may cost" }),
  })
  .meta({ id: "EnvironmentCost" });

export function costEnvironmentEndpoints({
  catalog,
  pricedPlace,
  environmentBudgetUsd,
  nowMs,
}: ApiServices): Endpoint[] {
  return [
    endpoint({
      method: "get",
      path: "/v1/cost/environment",
      summary: "What the environment costs a month, as its budget is held against it",
      description:
        "In a month of 730 h, once all that was accepted is done: each stack for the whole month, each tenant at what it uses " +
        "or, where that is more, at what a quote takes for its machines. It is no bill: GET /v1/cost answers those.",
      permission: "cost:quote",
      tenancy: "none",
      answers: { 200: jsonAnswer("The sum and the budget", z.strictObject({ environment })) },
      async handle() {
        const { platform, tenants } = await environmentCostWith(catalog.service, pricedPlace, nowMs());
        const costs = { platformUsdPerMonth: usdOf(platform), tenantsUsdPerMonth: usdOf(tenants) };
        return {
          status: 200,
          body: { environment: { currency: "USD", ...costs, budgetUsdPerMonth: environmentBudgetUsd } },
        };
      },
    }),
  ];
}
