import * as z from "zod";
import { MillwrightError } from "../../model/errors.ts";
import { AWS_PRESETS } from "../../model/aws/settings.ts";
import { awsRegion } from "../../model/aws/region.ts";
import { COST_COMPONENTS } from "../../model/cost/cost-line.ts";
import { bookOf } from "../../model/cost/price-books.ts";
import {
  assumptionsOf,
  DEFAULT_ASSUMPTIONS,
  DEFAULT_TENANT_COUNTS,
  project,
} from "../../model/cost/projection.ts";
import { recommend } from "../../model/cost/recommendations.ts";
import { costOfScale } from "../../model/cost/scale.ts";
import { costReport, options, type PricedSize } from "../cost/decisions.ts";
import { dateOf } from "../cost/keep-costs.ts";
import { recommendationFacts } from "../cost/recommendation-facts.ts";
import { COST_REPORT_POLICY, costReportPage } from "./cost-report-page.ts";
import { range } from "./cost-schemas.ts";
import { endpoint, jsonAnswer, type Endpoint } from "./endpoint.ts";
import type { ApiServices } from "./services.ts";

const number = z.number();
const nullable = number.nullable();
const places = { region: z.string(), priceBook: z.string().meta({ description: "Day of the prices" }) };

const MOST_COUNTS = 20;
const MOST_TENANTS = 2_000;
const money = z.coerce.number().min(0).max(1e9);
const tenantCount = z.coerce.number().int().min(0).max(MOST_TENANTS);

const placeQuery = {
  region: awsRegion.optional().meta({ description: "Another one than the platform's own" }),
  preset: z.enum(Object.keys(AWS_PRESETS) as ["development", "production"]).optional(),
};

/** Assumptions as a request gives them, in its query; what is left out has its default. */
const given = {
  machinesPerTenant: z.coerce.number().int().min(1).max(100_000),
  tenantsPerCell: z.coerce.number().int().min(1).max(10_000),
  dedicatedTenants: tenantCount,
  isolatedApis: tenantCount,
  topic: z.enum(["own", "shared"]),
  budgetUsdPerMonth: money,
  priceUsdPerTenant: money,
  investmentUsd: money,
  labourUsdPerMonth: money,
  firstTenants: tenantCount,
  tenantsPerMonth: z.coerce.number().min(0).max(100),
  horizonMonths: z.coerce.number().int().min(1).max(120),
};

const assumption = z.strictObject({
  value: z.union([number, z.string()]),
  from: z.string().meta({ description: "Where it is from; `request` when the request gave it" }),
});

const needs = z.strictObject({
  sharedTenants: z.int(),
  dedicatedTenants: z.int(),
  cells: z.int(),
  brokers: z.int(),
  partitionReplicas: z.int(),
});

const point = z.strictObject({
  tenants: z.int(),
  totalUsd: range,
  usdByComponent: z.partialRecord(z.enum(COST_COMPONENTS), range),
  usdPerTenant: range,
  usdPerMachine: range,
  marginalUsdPerTenant: nullable.meta({ description: "Of each tenant since the point before" }),
  isWithinBudget: z.boolean().meta({ description: "Even at the high end" }),
  resultUsd: range.meta({ description: "What tenants pay, less the cloud and the people" }),
  needs,
  quotas: z.array(
    z.strictObject({
      what: z.string(),
      quotaCode: z.string().nullable(),
      quota: number,
      needed: number,
      isMet: z.boolean().meta({ description: "false: to be raised first" }),
      instead: z.string(),
    }),
  ),
});

const projectionAnswer = z
  .strictObject({
    ...places,
    assumptions: z.record(z.string(), assumption),
    points: z.array(point),
    breakEven: z.strictObject({
      tenants: nullable,
      tenantsAtHighCost: nullable,
      paidBackInMonth: nullable.meta({ description: "null: not within the horizon" }),
    }),
    returnOnInvestment: z.strictObject({ resultUsd: number, tenantsAtEnd: number, ratio: nullable }),
  })
  .meta({ id: "CostProjection" });

const span = z.tuple([number, number]).readonly();
const optionsAnswer = z
  .strictObject({
    ...places,
    options: z.array(
      z.strictObject({
        id: z.string(),
        name: z.string(),
        printed: z
          .strictObject({
            monthlyUsd: span,
            monthlyUsdAtFirst: span,
            yearlyTcoUsd: span,
            weeks: number,
          })
          .nullable(),
        monthlyUsd: range,
        usdPerTenant: range,
        yearlyUsd: z
          .strictObject({ infrastructure: range, labour: range, training: range, tools: range, total: range })
          .nullable(),
        weeks: nullable,
        notes: z.array(z.string()),
      }),
    ),
    components: z.array(
      z.strictObject({
        component: z.string(),
        decided: z.string(),
        reason: z.string(),
        printedUsd: z.record(z.string(), z.string()),
        listUsd: nullable.meta({ description: "The documents' own things at today's list price" }),
        bought: z.strictObject({ quantity: number, unit: z.string() }).nullable(),
        missing: z.array(z.string()),
      }),
    ),
    statements: z.array(
      z.strictObject({
        id: z.string(),
        place: z.string(),
        claim: z.string(),
        printed: z.string(),
        computed: z.array(number),
        verdict: z.enum(["holds", "corrected", "unfounded"]),
        reason: z.string().optional(),
        onceCorrected: z.array(number).optional(),
        implied: z.strictObject({ what: z.string(), value: number }).optional(),
      }),
    ),
  })
  .meta({ id: "CostOptions" });

const recommendationsAnswer = z
  .strictObject({
    ...places,
    recommendations: z.array(
      z.strictObject({
        kind: z.string(),
        subject: z.string(),
        action: z.string(),
        savingUsd: range.nullable().meta({ description: "A month; null: a price is missing" }),
        missingPrices: z.array(z.string()),
        evidence: z.array(z.strictObject({ name: z.string(), value: number, limit: nullable })),
      }),
    ),
  })
  .meta({ id: "CostRecommendations" });

export function costDecisionEndpoints({ catalog, bills, pricedPlace, nowMs }: ApiServices): Endpoint[] {
  const sizeOf = (wanted: { region?: string | undefined; preset?: PricedSize["preset"] | undefined }) => ({
    book: bookOf({
      region: wanted.region ?? pricedPlace.region,
      date: dateOf(nowMs()),
    }),
    preset: wanted.preset ?? pricedPlace.preset,
  });
  const placeOf = ({ book }: PricedSize) => ({ region: book.region, priceBook: book.date });
  return [
    endpoint({
      method: "get",
      path: "/v1/cost/projection",
      summary: "What the platform costs with 3, 10, 50 … tenants",
      description:
        "USD at list prices, in a month of 730 h, with quotas to raise, break-even and return. Every assumption is answered " +
        "with where it is from, and can be given instead; docs/cost-decisions.md.",
      permission: "cost:quote",
      tenancy: "none",
      query: z.strictObject({
        ...placeQuery,
        tenants: z.string().max(200).optional().meta({ description: "`3,10,50`: 20 at most" }),
        ...z.strictObject(given).partial().shape,
      }),
      answers: { 200: jsonAnswer("The projection", projectionAnswer) },
      handle({ query: { region, preset, tenants, ...instead } }) {
        const size = sizeOf({ region, preset });
        const wanted = { preset: size.preset, ...withoutUndefined(instead) };
        const assumptions = assumptionsOf(wanted);
        const counts = tenants === undefined ? DEFAULT_TENANT_COUNTS : countsOf(tenants);
        const projection = project(assumptions, counts, costOfScale(size.book, assumptions));
        const shown = Object.entries(DEFAULT_ASSUMPTIONS).map(([name, { from }]) => {
          const key = name as keyof typeof assumptions;
          const isGiven = Object.hasOwn(wanted, key) && (key !== "preset" || preset !== undefined);
          return [key, { value: assumptions[key], from: isGiven ? "request" : from }];
        });
        const body = { ...placeOf(size), ...projection, assumptions: Object.fromEntries(shown) as object };
        return Promise.resolve({ status: 200, body });
      },
    }),
    endpoint({
      method: "get",
      path: "/v1/cost/options",
      summary: "The documents' options, decisions and sums, computed again",
      description: "Each printed figure beside the computed one, with the reason where it is another.",
      permission: "cost:quote",
      tenancy: "none",
      query: z.strictObject(placeQuery),
      answers: { 200: jsonAnswer("Options, components and sums", optionsAnswer) },
      handle({ query }) {
        const size = sizeOf(query);
        const { components, ...rest } = options(size);
        const shown = components.map(
          ({ component, decided, reason, printedUsd, listUsd, bought, missing }) => ({
            ...{ component, decided, reason, printedUsd, listUsd, bought, missing },
          }),
        );
        return Promise.resolve({ status: 200, body: { ...placeOf(size), ...rest, components: shown } });
      },
    }),
    endpoint({
      method: "get",
      path: "/v1/cost/recommendations",
      summary: "What would cost less, with its evidence",
      description:
        "By the usage of the last 30 days, the largest saving first. Where a price is missing, none is guessed.",
      permission: "cost:quote",
      tenancy: "none",
      query: z.strictObject(placeQuery),
      answers: { 200: jsonAnswer("Recommendations", recommendationsAnswer) },
      async handle({ query }) {
        const size = sizeOf(query);
        const recommendations = recommend(await recommendationFacts(catalog.service, size, nowMs()));
        return { status: 200, body: { ...placeOf(size), recommendations } };
      },
    }),
    endpoint({
      method: "get",
      path: "/v1/cost/report",
      summary: "All of it as a page to print",
      permission: "cost:quote",
      tenancy: "none",
      query: z.strictObject(placeQuery),
      answers: { 200: { description: "A page without scripts", content: { "text/html": z.string() } } },
      async handle({ query, keep }) {
        const place = { ...pricedPlace, ...withoutUndefined(query) };
        const report = await costReport({ service: catalog.service, bills }, place, nowMs());
        const text = costReportPage(report, nowMs());
        keep(text.length);
        const headers = { "Content-Security-Policy": COST_REPORT_POLICY };
        return { status: 200, text, mediaType: "text/html", headers };
      },
    }),
  ];
}

/** @throws MillwrightError `request-invalid` */
function countsOf(list: string): number[] {
  const counts = list.split(",").map((text) => (/^\d{1,4}$/.test(text.trim()) ? Number(text) : NaN));
  const isRight = counts.every((count) => count >= 1 && count <= MOST_TENANTS);
  if (isRight && counts.length <= MOST_COUNTS) return counts;
  throw new MillwrightError("request-invalid", "Numbers of tenants are separated by commas.", {
    fields: [{ pointer: "/tenants", message: `1 to ${MOST_TENANTS}, ${MOST_COUNTS} of them at most` }],
  });
}

function withoutUndefined<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
