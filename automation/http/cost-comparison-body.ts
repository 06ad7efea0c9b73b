import * as z from "zod";
import type { ReportedCost } from "../../data/catalog/cost-actual.ts";
import { compareCosts, type Compared, type MatchedCost } from "../../model/cost/cost-comparison.ts";
import { COST_COMPONENTS } from "../../model/cost/cost-line.ts";
import { usdOf } from "../../model/cost/money.ts";
import { instant } from "./schemas.ts";

const compared = {
  estimateUsd: z.number(),
  actualUsd: z.number(),
  errorPercent: z.number().nullable().meta({
    description: "Of the actual cost; above 0: the estimate is too high. null: nothing was paid",
  }),
};

export const costComparison = z
  .strictObject({
    reportedAt: instant,
    total: z.strictObject(compared),
    lines: z
      .array(
        z.strictObject({
          ...{ owner: z.string(), component: z.enum(COST_COMPONENTS), price: z.string() },
          ...compared,
        }),
      )
      .meta({ description: "By the tag `tenant` of the stack and the price, the largest first" }),
    unmatchedUsd: z.number().meta({ description: "Of products or tags that are no part of the platform" }),
    besidesUseUsd: z.number().meta({ description: "Taxes, support, fees, refunds" }),
  })
  .meta({ id: "CostComparison" });

/** @param estimate - what each stack of the month is billed at */
export function comparisonBody(
  estimate: readonly MatchedCost[],
  { reportedAt, matched, unmatched, besidesUse }: ReportedCost,
): z.infer<typeof costComparison> {
  const { total, lines } = compareCosts(estimate, matched);
  return {
    ...{ reportedAt: reportedAt.toISOString(), total: inCents(total) },
    lines: lines.map((line) => ({ ...line, ...inCents(line) })),
    ...{ unmatchedUsd: usdOf(unmatched), besidesUseUsd: usdOf(besidesUse) },
  };
}

/** For people: what an estimate is wrong by is no matter of micro-dollars. */
function inCents({ estimateUsd, actualUsd, errorPercent }: Compared): Compared {
  const rounded = (value: number) => Math.round(value * 100) / 100;
  return {
    ...{ estimateUsd: rounded(estimateUsd), actualUsd: rounded(actualUsd) },
    errorPercent: errorPercent === null ? null : rounded(errorPercent),
  };
}
