import * as z from "zod";
import { actualCostOf, keepActualCost } from "../../data/catalog/cost-actual.ts";
import { verifyMonth } from "../../data/catalog/cost-month.ts";
import { COST_COMPONENTS, type CostComponent } from "../../model/cost/cost-line.ts";
import { microUsd } from "../../model/cost/money.ts";
import { MillwrightError } from "../../model/errors.ts";
import { comparisonBody, costComparison } from "./cost-comparison-body.ts";
import { monthAsked, monthName } from "./cost-month-query.ts";
import { endpoint, jsonAnswer, type Endpoint } from "./endpoint.ts";
import type { ApiServices } from "./services.ts";

const usd = z.number().min(-1e9).max(1e9);

const reported = z.strictObject({
  usdByStack: z
    .record(z.string().min(1).max(64), z.partialRecord(z.enum(COST_COMPONENTS), usd))
    .meta({ description: "By the tag `tenant` of the stack (`shared`: no tenant's) and its component" }),
  unmatchedUsd: usd,
  besidesUseUsd: usd,
});

export function costCheckEndpoints({ catalog, bills, nowMs }: ApiServices): Endpoint[] {
  return [
    endpoint({
      method: "put",
      path: "/v1/cost/actual/:month",
      summary: "What the provider's own bill says of a month",
      description:
        "As `millwright cost compare --keep` sums it up from a Cost and Usage Report. From then on GET /v1/cost answers it " +
        "beside what was estimated, with the error of each line; reported again, the newest stands.",
      permission: "cost:check",
      tenancy: "none",
      params: z.strictObject({ month: monthName }),
      body: reported,
      answers: { 200: jsonAnswer("Both, side by side", z.strictObject({ comparison: costComparison })) },
      async handle({ params, body: { usdByStack, unmatchedUsd, besidesUseUsd } }) {
        const month = monthAsked(params.month, nowMs());
        await keepActualCost(catalog.service, month.name, {
          matched: Object.entries(usdByStack).flatMap(([owner, usdByComponent]) =>
            Object.entries(usdByComponent).map(([component, amount]) => ({
              ...{ owner, component: component as CostComponent, amount: microUsd(amount) },
            })),
          ),
          ...{ unmatched: microUsd(unmatchedUsd), besidesUse: microUsd(besidesUseUsd) },
        });
        const [kept, bill] = await Promise.all([actualCostOf(catalog.service, month.name), bills.of(month)]);
        if (kept === undefined) throw new Error(`the costs of ${month.name} are gone after they were kept`);
        return { status: 200, body: { comparison: comparisonBody(await bill.stacks(), kept) } };
      },
    }),
    endpoint({
      method: "get",
      path: "/v1/cost/verification",
      summary: "Whether a closed month's bills are still what they were closed as",
      description:
        "They are made again from what was kept of the month, and read as they lie there; both must have the hash of the close.",
      permission: "cost:check",
      tenancy: "none",
      query: z.strictObject({ month: monthName }),
      answers: {
        200: jsonAnswer(
          "The three hashes",
          z.strictObject({
            month: z.string(),
            isIntact: z.boolean(),
            kept: z.string().meta({ description: "At the close" }),
            recomputed: z.string().meta({ description: "Of the bills made again from what was kept" }),
            stored: z.string().meta({ description: "Of the bills as they lie there" }),
          }),
        ),
      },
      async handle({ query: { month } }) {
        const found = await verifyMonth(catalog.service, month);
        if (found === undefined)
          throw new MillwrightError("request-invalid", `${month} is not closed.`, {
            fields: [{ pointer: "/month", message: "a month that is closed" }],
          });
        const { kept, recomputed, stored } = found;
        const isIntact = kept === recomputed && kept === stored;
        return { status: 200, body: { month, isIntact, kept, recomputed, stored } };
      },
    }),
  ];
}
