import * as z from "zod";
import { keepActualCost } from "../../data/catalog/cost-actual.ts";
import { verifyMonth } from "../../data/catalog/cost-month.ts";
import { COST_COMPONENTS } from "../../model/cost/cost-line.ts";
import { microUsd } from "../../model/cost/money.ts";
import { MillwrightError } from "../../model/errors.ts";
import { comparisonBody, costComparison } from "./cost-comparison-body.ts";
import { monthAsked, monthName } from "./cost-month-query.ts";
import { endpoint, jsonAnswer, type Endpoint } from "./endpoint.ts";
import type { ApiServices } from "./services.ts";

/** Ten lines of each of a thousand tenants. */
const MAX_LINES = 10_000;
const MAX_REPORT_BYTES = 2 << 20;
const usd = z.number().min(-1e9).max(1e9);

const reported = z.strictObject({
  lines: z
    .array(
      z.strictObject({
        owner: z.string().min(1).max(64).meta({ description: "The tag `tenant` of the stack, or `shared`" }),
        component: z.enum(COST_COMPONENTS),
        price: z
          .string()
          .min(1)
          .max(200)
          .meta({ description: "Of the price book, or the usage type where it has none" }),
        usd,
      }),
    )
    .max(MAX_LINES),
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
        "As `millwright cost compare` sums it up from a Cost and Usage Report. From then on GET /v1/cost answers it " +
        "beside what was estimated, with the error of each line; reported again, the newest stands. With dryRun it is " +
        "compared and not kept.",
      permission: "cost:check",
      tenancy: "none",
      params: z.strictObject({ month: monthName }),
      query: z.strictObject({ dryRun: z.enum(["true", "false"]).default("false") }),
      body: reported,
      maxBodyBytes: MAX_REPORT_BYTES,
      answers: { 200: jsonAnswer("Both, side by side", z.strictObject({ comparison: costComparison })) },
      async handle({ params, query: { dryRun }, body: { lines, unmatchedUsd, besidesUseUsd } }) {
        const month = monthAsked(params.month, nowMs());
        const actual = {
          matched: lines.map(({ usd: amount, ...charged }) => ({ ...charged, amount: microUsd(amount) })),
          ...{ unmatched: microUsd(unmatchedUsd), besidesUse: microUsd(besidesUseUsd) },
        };
        const reportedAt =
          dryRun === "true" ? new Date(nowMs()) : await keepActualCost(catalog.service, month.name, actual);
        const estimate = await (await bills.of(month)).stacks();
        return { status: 200, body: { comparison: comparisonBody(estimate, { ...actual, reportedAt }) } };
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
