import { MillwrightError } from "../errors.ts";
import type { CostComponent } from "./cost-line.ts";
import { microUsd, usdOf, type MicroUsd } from "./money.ts";
import type { Month } from "./month.ts";

/** Columns of a Cost and Usage Report 2.0 that are read; the others may be there or not. */
const COLUMNS = {
  type: "line_item_line_item_type",
  startedAt: "line_item_usage_start_date",
  product: "line_item_product_code",
  usageType: "line_item_usage_type",
  cost: "line_item_unblended_cost",
  currency: "line_item_currency_code",
  tags: "resource_tags",
} as const;
type Field = keyof typeof COLUMNS;

/** What is paid for use. Taxes, support, refunds and fees are no part of an estimate, and are summed up by themselves. */
const USE_TYPES = new Set(["Usage", "DiscountedUsage", "SavingsPlanCoveredUsage"]);

/** Which part of the platform a product is, the first that fits: product code, usage type. */
const PRODUCTS: readonly (readonly [product: RegExp, usageType: RegExp, component: CostComponent])[] = [
  [/^AmazonEC2$/, /NatGateway|DataTransfer|PublicIPv4|LoadBalancer/, "network"],
  [/^AmazonEC2$/, /./, "time-series"],
  [/^AmazonRDS$/, /./, "catalog"],
  [/^AmazonMSK$/, /./, "event-log"],
  [/^AWSLambda$/, /./, "functions"],
  [/^Amazon(ECS|ECR)$/, /./, "control-plane"],
  [/^AmazonApiGateway$/, /./, "api"],
  [/^AWSIoT$/, /./, "machine-entrance"],
  [/^(AmazonVPC|AWSELB|AmazonRoute53|AWSDataTransfer)$/, /./, "network"],
  [/^AmazonS3$/, /./, "archive"],
  [/^(AmazonSNS|AmazonSES|AWSQueueService)$/, /./, "notifications"],
  [/^AmazonCloudWatch$/, /./, "monitoring"],
  [/^(awskms|AWSSecretsManager)$/, /./, "security"],
];

/** The tag of stacks that belong to no tenant. */
export const SHARED_STACKS = "shared";

/** Whose a stack is, and which part of the platform: what estimate and report are matched by. */
export interface MatchedCost {
  /** The tag `tenant` of the stack: an id, or `shared`. */
  readonly owner: string;
  readonly component: CostComponent;
  readonly amount: MicroUsd;
}

export interface ReportSums {
  readonly matched: readonly MatchedCost[];
  /** USD of products that are no part of the platform, or have no tag of it. */
  readonly unmatchedUsd: number;
  /** USD of taxes, support, fees, refunds. */
  readonly besidesUseUsd: number;
}

/**
 * Sums up the rows of a report, one at a time: as much memory as there are owners and components, however long it is.
 * @param header - the first row
 */
export function sumReport(
  header: readonly string[],
  { month, environment }: { readonly month: Month; readonly environment: string },
): { readonly add: (cells: readonly string[], line: number) => void; readonly sums: () => ReportSums } {
  const places = Object.entries(COLUMNS).map(([field, column]) => [field, header.indexOf(column)] as const);
  const missing = places.filter(([, place]) => place < 0).map(([field]) => COLUMNS[field as Field]);
  if (missing.length > 0) throw invalid(`it has no column ${missing.join(", ")}`);
  const placeOf = Object.fromEntries(places) as Record<Field, number>;
  const matched = new Map<string, { owner: string; component: CostComponent; usd: number }>();
  let [unmatchedUsd, besidesUseUsd] = [0, 0];
  return {
    add(cells, line) {
      const cell = (field: Field) => cells[placeOf[field]] ?? "";
      const startedMs = Date.parse(cell("startedAt").replace(" ", "T").replace(/(\d)$/, "$1Z"));
      const usd = Number(cell("cost"));
      if (Number.isNaN(startedMs) || cell("cost") === "" || !Number.isFinite(usd))
        throw invalid(`line ${line} has no time or no cost`);
      if (startedMs < month.fromMs || startedMs >= month.toMs) return;
      if (cell("currency") !== "USD")
        throw invalid(`line ${line} is in ${cell("currency")}, and prices here are in USD`);
      if (!USE_TYPES.has(cell("type"))) {
        besidesUseUsd += usd;
        return;
      }
      const tags = tagsOf(cell("tags"));
      const component = componentOf(cell("product"), cell("usageType"));
      const owner = tags["tenant"];
      if (component === undefined || owner === undefined || tags["environment"] !== environment) {
        unmatchedUsd += usd;
        return;
      }
      const key = `${owner} ${component}`;
      const known = matched.get(key) ?? { owner, component, usd: 0 };
      known.usd += usd;
      matched.set(key, known);
    },
    sums: () => ({
      matched: [...matched.values()].map(({ usd, ...of }) => ({ ...of, amount: microUsd(usd) })),
      ...{ unmatchedUsd, besidesUseUsd },
    }),
  };
}

export interface ComparedCost {
  readonly owner: string;
  readonly component: CostComponent;
  readonly estimateUsd: number;
  readonly actualUsd: number;
  /** Of the actual cost; above 0: the estimate is too high. null: nothing was paid. */
  readonly errorPercent: number | null;
}

/** Estimate and actual cost side by side, the largest first. */
export function compareCosts(
  estimate: readonly MatchedCost[],
  actual: readonly MatchedCost[],
): readonly ComparedCost[] {
  const sides = new Map<
    string,
    { owner: string; component: CostComponent; estimate: number; actual: number }
  >();
  const add = (side: "estimate" | "actual", { owner, component, amount }: MatchedCost) => {
    const key = `${owner} ${component}`;
    const known = sides.get(key) ?? { owner, component, estimate: 0, actual: 0 };
    known[side] += amount;
    sides.set(key, known);
  };
  for (const one of estimate) add("estimate", one);
  for (const one of actual) add("actual", one);
  return [...sides.values()]
    .toSorted((a, b) => Math.max(b.estimate, b.actual) - Math.max(a.estimate, a.actual))
    .map(({ owner, component, ...both }) => ({
      ...{ owner, component, estimateUsd: usdOf(both.estimate), actualUsd: usdOf(both.actual) },
      errorPercent: both.actual === 0 ? null : ((both.estimate - both.actual) / both.actual) * 100,
    }));
}

function componentOf(product: string, usageType: string): CostComponent | undefined {
  return PRODUCTS.find(([of, type]) => of.test(product) && type.test(usageType))?.[2];
}

/** A map as JSON. AWS puts `user_` before the name of a tag that is the account's own. */
function tagsOf(text: string): Readonly<Record<string, string>> {
  if (text === "") return {};
  try {
    const tags = JSON.parse(text) as Readonly<Record<string, string>>;
    return Object.fromEntries(
      Object.entries(tags).map(([name, value]) => [name.replace(/^user_/, ""), value]),
    );
  } catch (cause) {
    throw invalid("its tags are no JSON", cause);
  }
}

function invalid(reason: string, cause?: unknown): MillwrightError {
  const message = `The cost report cannot be used: ${reason}. It takes a Cost and Usage Report 2.0 as CSV, with tags.`;
  return new MillwrightError("cost-report-invalid", message, { cause });
}
