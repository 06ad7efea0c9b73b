import * as z from "zod";
import type { CostLine } from "../../model/cost/cost-line.ts";
import { COST_COMPONENTS } from "../../model/cost/cost-line.ts";
import { usdOf } from "../../model/cost/money.ts";
import { HOURS_PER_MONTH } from "../../model/cost/month.ts";
import { marginAt, type Quote, type QuoteBasis } from "../../model/cost/quote.ts";
import { mapRange, type Range } from "../../model/cost/range.ts";
import { ENTRANCES } from "../../model/cost/entrance.ts";
import { NO_USAGE, USAGE_ASSUMPTIONS } from "../../model/cost/usage.ts";
import { TIERS } from "../../model/tenant.ts";

const amount = z.number();
export const range = z
  .strictObject({ low: amount, expected: amount, high: amount })
  .meta({ id: "Range", description: "What is expected, and between what it lies" });

const line = z
  .strictObject({
    component: z.enum(COST_COMPONENTS),
    of: z.string(),
    price: z.string().meta({ description: "In the price book" }),
    unit: z.string(),
    quantity: range,
    usdPerMonth: range,
    assumption: z.string().optional(),
    isVerified: z.boolean().meta({ description: "false: the price is from a weak source" }),
  })
  .meta({ id: "CostLine" });

const figures = (names: readonly string[]) =>
  z.strictObject(Object.fromEntries(names.map((name) => [name, z.number()])));

export const quoteSchema = z
  .strictObject({
    currency: z.literal("USD"),
    region: z.string(),
    priceBook: z.string().meta({ description: "Day of the prices" }),
    hours: z.number().meta({ description: "Of the month" }),
    tier: z.enum(TIERS),
    machines: z.int(),
    entrance: z.enum(ENTRANCES),
    totalUsdPerMonth: range.meta({ description: "marginal and share together" }),
    marginalUsdPerMonth: range.meta({ description: "What is there or used because of this tenant alone" }),
    shareUsdPerMonth: range.meta({ description: "Its part of what all tenants share" }),
    lines: z.array(line),
    shares: z.array(
      z.strictObject({
        component: z.enum(COST_COMPONENTS),
        part: z.number(),
        wholeUsdPerMonth: range,
        usdPerMonth: range,
      }),
    ),
    growth: z.array(z.strictObject({ month: z.int(), usdPerMonth: z.number() })).meta({
      description: "Expected in each month of the first year, all machines sending from its first day",
    }),
    byTier: z.strictObject({ shared: range, dedicated: range }),
    shortfalls: z
      .strictObject({ shared: z.string().nullable(), dedicated: z.string().nullable() })
      .meta({ description: "What a tier has no room for; null: it has" }),
    dedicatedCheaperFromMachines: z.int().nullable(),
    dedicatedNecessaryFrom: z.strictObject({ machines: z.int(), because: z.string() }).nullable(),
    margin: z
      .strictObject({ priceUsdPerMonth: z.number(), usdPerMonth: z.number(), part: z.number() })
      .nullable(),
    gaps: z.array(z.string()).meta({ description: "What is in no quote, or on no bill" }),
    usage: figures(Object.keys(NO_USAGE)),
    assumptions: figures([...Object.keys(USAGE_ASSUMPTIONS), "placesSold", "machinesPerPlace"]),
  })
  .meta({ id: "Quote" });

/** A quote as the API says it. @param priceUsd - asked of the tenant a month, if that is known */
export function quoteAnswer(
  { tenant, usage, cost, ...quote }: Quote,
  { book, plan }: QuoteBasis,
  priceUsd?: number,
): z.infer<typeof quoteSchema> {
  const margin = priceUsd === undefined ? undefined : marginAt(priceUsd, cost);
  return {
    ...{ currency: "USD", region: book.region, priceBook: book.date, hours: HOURS_PER_MONTH },
    ...{ tier: tenant.tier, machines: tenant.machines, entrance: quote.entrance },
    totalUsdPerMonth: inUsd(cost.total),
    marginalUsdPerMonth: inUsd(cost.marginal),
    shareUsdPerMonth: inUsd(cost.share),
    lines: cost.own.map(lineAnswer),
    shares: cost.shared.map(({ component, part, whole, amount: own }) => ({
      ...{ component, part, wholeUsdPerMonth: inUsd(whole), usdPerMonth: inUsd(own) },
    })),
    growth: quote.growth.map(({ month, expected }) => ({ month, usdPerMonth: usdOf(expected) })),
    byTier: { shared: inUsd(quote.byTier.shared), dedicated: inUsd(quote.byTier.dedicated) },
    shortfalls: {
      shared: quote.shortfalls.shared ?? null,
      dedicated: quote.shortfalls.dedicated ?? null,
    },
    dedicatedCheaperFromMachines: quote.dedicatedCheaperFrom ?? null,
    dedicatedNecessaryFrom: quote.dedicatedNecessaryFrom ?? null,
    margin:
      margin && priceUsd ? { priceUsdPerMonth: priceUsd, usdPerMonth: margin.usd, part: margin.part } : null,
    gaps: [...quote.gaps],
    usage: { ...usage },
    assumptions: {
      ...{ ...USAGE_ASSUMPTIONS, ...tenant.assumptions },
      ...{ placesSold: plan.places, machinesPerPlace: plan.machinesPerPlace },
    },
  };
}

function lineAnswer({
  component,
  of,
  price,
  unit,
  quantity,
  amount: owed,
  assumption,
  isVerified,
}: CostLine) {
  const said = assumption === undefined ? {} : { assumption };
  return { component, of, price, unit, quantity, usdPerMonth: inUsd(owed), ...said, isVerified };
}

function inUsd(of: Range): Range {
  return mapRange(of, usdOf);
}
