import { MillwrightError } from "../errors.ts";
import type { MatchedCost } from "./cost-comparison.ts";
import { microUsd } from "./money.ts";
import type { Month } from "./month.ts";
import { priceOfUse } from "./reported-use.ts";

/** Columns of a Cost and Usage Report 2.0 that are read; the others may be there or not. */
export const REPORT_COLUMNS = {
  type: "line_item_line_item_type",
  startedAt: "line_item_usage_start_date",
  product: "line_item_product_code",
  usageType: "line_item_usage_type",
  operation: "line_item_operation",
  cost: "line_item_unblended_cost",
  currency: "line_item_currency_code",
  tags: "resource_tags",
} as const;
export type ReportField = keyof typeof REPORT_COLUMNS;

/** A line of a report, as text or as what its format knows more closely: instants, numbers, maps. */
export type ReportLine = Readonly<Partial<Record<ReportField, unknown>>>;

/** What is paid for use. Taxes, support, refunds and fees are no part of an estimate, and are summed up by themselves. */
const USE_TYPES = new Set(["Usage", "DiscountedUsage", "SavingsPlanCoveredUsage"]);

export interface ReportSums {
  readonly matched: readonly MatchedCost[];
  /** USD of products that are no part of the platform, or have no tag of it. */
  readonly unmatchedUsd: number;
  /** USD of taxes, support, fees, refunds. */
  readonly besidesUseUsd: number;
}

/** @throws MillwrightError `cost-report-invalid` that names the columns that are missing */
export function refuseWithoutColumns(columns: readonly string[]): void {
  const missing = Object.values(REPORT_COLUMNS).filter((column) => !columns.includes(column));
  if (missing.length > 0) throw invalid(`it has no column ${missing.join(", ")}`);
}

/**
 * Sums up the lines of a report, one at a time: as much memory as there are owners and prices, however long it is.
 */
export function sumReport({ month, environment }: { readonly month: Month; readonly environment: string }): {
  /** @param place - of the line, for whoever has to find it @throws MillwrightError `cost-report-invalid` */
  readonly add: (line: ReportLine, place: string) => void;
  readonly sums: () => ReportSums;
} {
  const matched = new Map<string, Omit<MatchedCost, "amount"> & { usd: number }>();
  let [unmatchedUsd, besidesUseUsd] = [0, 0];
  return {
    add(line, place) {
      const startedMs = instantOf(line.startedAt);
      const usd = typeof line.cost === "string" && line.cost !== "" ? Number(line.cost) : line.cost;
      if (Number.isNaN(startedMs) || typeof usd !== "number" || !Number.isFinite(usd))
        throw invalid(`${place} has no time or no cost`);
      if (startedMs < month.fromMs || startedMs >= month.toMs) return;
      if (line.currency !== "USD")
        throw invalid(`${place} is in ${String(line.currency)}, and prices here are in USD`);
      if (!USE_TYPES.has(textOf(line.type))) {
        besidesUseUsd += usd;
        return;
      }
      const tags = tagsOf(line.tags, place);
      const used = priceOfUse({
        ...{ product: textOf(line.product), usageType: textOf(line.usageType) },
        operation: textOf(line.operation),
      });
      const owner = tags["tenant"];
      if (used === undefined || typeof owner !== "string" || tags["environment"] !== environment) {
        unmatchedUsd += usd;
        return;
      }
      const key = `${owner} ${used.component} ${used.price}`;
      const known = matched.get(key) ?? { owner, ...used, usd: 0 };
      known.usd += usd;
      matched.set(key, known);
    },
    sums: () => ({
      matched: [...matched.values()].map(({ usd, ...of }) => ({ ...of, amount: microUsd(usd) })),
      ...{ unmatchedUsd, besidesUseUsd },
    }),
  };
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** @returns milliseconds since the epoch; not a number where it is no instant. A text without a zone is of UTC. */
function instantOf(value: unknown): number {
  if (value instanceof Date) return value.getTime();
  if (typeof value !== "string") return NaN;
  const hasZone = /(Z|[+-]\d\d:\d\d)$/.test(value);
  return Date.parse(hasZone ? value : `${value.replace(" ", "T")}Z`);
}

/** A map, or one as JSON. AWS puts `user_` before the name of a tag that is the account's own. */
function tagsOf(value: unknown, place: string): Readonly<Record<string, unknown>> {
  if (value === undefined || value === null || value === "") return {};
  const tags = typeof value === "string" ? parsed(value, place) : value;
  if (typeof tags !== "object" || tags === null) throw invalid(`the tags of ${place} are no map`);
  return Object.fromEntries(Object.entries(tags).map(([name, tag]) => [name.replace(/^user_/, ""), tag]));
}

function parsed(json: string, place: string): unknown {
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw invalid(`the tags of ${place} are no JSON`, cause);
  }
}

function invalid(reason: string, cause?: unknown): MillwrightError {
  const message = `The cost report cannot be used: ${reason}. It takes a Cost and Usage Report 2.0 as CSV or Parquet, with tags.`;
  return new MillwrightError("cost-report-invalid", message, { cause });
}
