import { newestActualCost } from "../../data/catalog/cost-actual.ts";
import type { Queryable } from "../../data/pool.ts";
import type { AwsPreset } from "../../model/aws/settings.ts";
import { priceDecisions, type PricedDecision } from "../../model/cost/component-matrix.ts";
import { compareCosts, type CostComparison } from "../../model/cost/cost-comparison.ts";
import { totalOf } from "../../model/cost/cost-line.ts";
import { compareOptions, COMPARED_SCALE, type ComparedOption } from "../../model/cost/options.ts";
import { usdOf } from "../../model/cost/money.ts";
import { monthNamed } from "../../model/cost/month.ts";
import { monthBill } from "../../model/cost/month-bill.ts";
import type { PriceBook } from "../../model/cost/price-book.ts";
import { assumptionsOf, project, type Projection } from "../../model/cost/projection.ts";
import { mapRange } from "../../model/cost/range.ts";
import { recommend, type Recommendation } from "../../model/cost/recommendations.ts";
import { costOfScale } from "../../model/cost/scale.ts";
import { SEED_STATEMENTS } from "../../model/cost/seeds/statements.ts";
import type { JudgedStatement } from "../../model/cost/seeds/statement.ts";
import { DAY_MS } from "../../model/duration.ts";
import { startOf } from "../../model/usage.ts";
import { billInputs } from "./bill-inputs.ts";
import type { Bills } from "./bills.ts";
import { dateOf } from "./keep-costs.ts";
import { pricingOf } from "./price-stacks.ts";
import type { Pricing } from "./pricing.ts";
import type { PricedPlace } from "./quote-basis.ts";
import { recommendationFacts } from "./recommendation-facts.ts";

/** Prices, and the size that a platform has there. */
export interface PricedSize {
  readonly book: PriceBook;
  readonly preset: AwsPreset;
}

export interface OptionsAnswer {
  readonly options: readonly ComparedOption[];
  readonly components: readonly PricedDecision[];
  readonly statements: readonly JudgedStatement[];
}

/** The documents' options, decisions and sums, beside this platform for as many tenants. @throws MillwrightError `price-missing` */
export function options({ book, preset }: PricedSize): OptionsAnswer {
  const { tenants, machinesPerTenant } = COMPARED_SCALE;
  const scale = assumptionsOf({ preset, machinesPerTenant });
  const own = mapRange(totalOf(costOfScale(book, scale)(tenants)), usdOf);
  return {
    options: compareOptions(own),
    components: priceDecisions(book),
    statements: SEED_STATEMENTS,
  };
}

/** What the last 30 days came to, by component and by tenant; USD. */
export interface SpentMonth {
  readonly fromMs: number;
  readonly toMs: number;
  readonly totalUsd: number;
  readonly byComponent: readonly { readonly name: string; readonly usd: number }[];
  readonly byTenant: readonly { readonly name: string; readonly usd: number }[];
}

/** A month's estimate beside the provider's own bill. */
export interface CheckedMonth extends CostComparison {
  readonly month: string;
}

export interface CostReport {
  readonly region: string;
  readonly priceDate: string;
  readonly spent: SpentMonth;
  /** The newest month whose bill was reported. */
  readonly checked: CheckedMonth | undefined;
  readonly projection: Projection;
  readonly options: OptionsAnswer;
  readonly recommendations: readonly Recommendation[];
}

const REPORTED_DAYS = 30;
/** Enough for a curve to be seen. */
const CURVE_TENANTS = [1, 3, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 1_000];

/** All that a decision about money stands on, in one. @throws MillwrightError `price-missing` */
export async function costReport(
  { service, bills }: { readonly service: Queryable; readonly bills: Bills },
  place: PricedPlace,
  nowMs: number,
): Promise<CostReport> {
  const pricing = pricingOf(place)(dateOf(nowMs));
  const { book } = pricing;
  const { preset } = place;
  const size = { book, preset };
  const assumptions = assumptionsOf({ preset });
  return {
    region: book.region,
    priceDate: book.date,
    spent: await spentMonth(service, pricing, nowMs),
    checked: await checkedMonth(service, bills),
    projection: project(assumptions, CURVE_TENANTS, costOfScale(book, assumptions)),
    options: options(size),
    recommendations: recommend(await recommendationFacts(service, size, nowMs)),
  };
}

async function checkedMonth(service: Queryable, bills: Bills): Promise<CheckedMonth | undefined> {
  const actual = await newestActualCost(service);
  const month = actual && monthNamed(actual.month);
  if (actual === undefined || month === undefined) return undefined;
  const estimate = await (await bills.of(month)).stacks();
  return { month: month.name, ...compareCosts(estimate, actual.matched) };
}

async function spentMonth(service: Queryable, pricing: Pricing, nowMs: number): Promise<SpentMonth> {
  const period = { fromMs: startOf("day", nowMs) - (REPORTED_DAYS - 1) * DAY_MS, toMs: nowMs };
  const inputs = await billInputs(service, period, pricing);
  const { total, tenants } = monthBill(inputs);
  const components = Map.groupBy(inputs.lines, ({ component }) => component);
  return {
    ...period,
    totalUsd: usdOf(total),
    byComponent: largestFirst(
      [...components].map(([name, lines]) => ({
        name,
        usd: usdOf(lines.reduce((sum, { amount }) => sum + amount, 0)),
      })),
    ),
    byTenant: largestFirst(tenants.map(({ tenant, total: owed }) => ({ name: tenant, usd: usdOf(owed) }))),
  };
}

function largestFirst<T extends { readonly usd: number }>(items: readonly T[]): T[] {
  return items.toSorted((a, b) => b.usd - a.usd);
}
