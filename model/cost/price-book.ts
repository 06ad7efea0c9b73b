import * as z from "zod";
import { MillwrightError } from "../errors.ts";
import { microUsd, type MicroUsd } from "./money.ts";

const isoDate = z.iso.date();
const usd = z.number().min(0).max(1e6);

/** What one thing costs. Steps rise: each `from` is the quantity, within a month, from which its price holds. */
const price = z
  .strictObject({
    /** What is counted: `hour`, `GB-month`, `GB`, `request`, … Prices stand for one of them. */
    unit: z.string().min(1).max(40),
    steps: z
      .array(z.strictObject({ from: z.number().min(0), usd }))
      .min(1)
      .refine(
        (steps) =>
          steps.every(({ from }, index) => (index === 0 ? from === 0 : from > (steps[index - 1]?.from ?? 0))),
        "steps begin at 0 and rise",
      ),
    /** AWS's own name of the price; null where the book was made from a copy without it. */
    sku: z.string().nullable(),
    /** Key into `sources`. */
    source: z.string(),
    /** False: from a weak source, or computed from a neighbouring size; what uses it says so. */
    isVerified: z.boolean(),
    note: z.string().optional(),
  })
  .readonly();

/** Prices of one cloud in one region as they stood on one day. A price that is not known is not in it. */
export const priceBookSchema = z
  .strictObject({
    cloud: z.literal("aws"),
    region: z.string().regex(/^[a-z]{2}(-[a-z]+)+-\d$/),
    date: isoDate,
    currency: z.literal("USD"),
    sources: z.record(z.string(), z.strictObject({ what: z.string(), date: isoDate.nullable() })),
    prices: z.record(z.string().regex(/^[a-z0-9-]+(\/[a-z0-9.-]+)+$/), price),
  })
  .superRefine(({ sources, prices }, context) => {
    for (const [key, { source }] of Object.entries(prices))
      if (!(source in sources))
        context.addIssue({
          code: "custom",
          path: ["prices", key, "source"],
          message: `no source '${source}'`,
        });
  })
  .readonly();

export type PriceBook = z.infer<typeof priceBookSchema>;
export type Price = PriceBook["prices"][string];

/**
 * @param key - such as `ec2/instance/r7g.large`
 * @param neededBy - names what needs the price, for whoever reads the error
 * @throws MillwrightError `price-missing`: no price is never a price of 0
 */
export function priceOf(book: PriceBook, key: string, neededBy: string): Price {
  const found = findPrice(book, key);
  if (found === undefined) throw missing(book, [[key, neededBy]]);
  return found;
}

/**
 * Every price that is needed, before anything is computed: who adds them to a book wants to know all of them.
 * @param needs - by key, what needs it @throws MillwrightError `price-missing` that names each
 */
export function requirePrices(book: PriceBook, needs: ReadonlyMap<string, string>): void {
  const absent = [...needs].filter(([key]) => findPrice(book, key) === undefined);
  if (absent.length > 0) throw missing(book, absent);
}

/** For what can do without the price, and says so. */
export function findPrice({ prices }: PriceBook, key: string): Price | undefined {
  return Object.hasOwn(prices, key) ? prices[key] : undefined;
}

/** What a quantity costs, step by step. @param quantity - in the price's unit, within one month; not negative */
export function chargeOf({ steps }: Price, quantity: number): MicroUsd {
  if (!(quantity >= 0)) throw new RangeError(`a quantity of ${quantity}`);
  const usdTotal = steps.reduce((total, { from, usd: each }, index) => {
    const upTo = Math.min(quantity, steps[index + 1]?.from ?? Infinity);
    return total + Math.max(0, upTo - from) * each;
  }, 0);
  return microUsd(usdTotal);
}

/** The dearest price of a family, such as `ec2/instance/`: what stands for a size that is not known yet. */
export function dearestOf(book: PriceBook, family: string, neededBy: string): string {
  const rates = Object.entries(book.prices)
    .filter(([key]) => key.startsWith(family))
    .map(([key, { steps }]) => ({ key, usd: Math.max(...steps.map((step) => step.usd)) }));
  const [first, ...others] = rates;
  if (first === undefined) throw missing(book, [[family, neededBy]]);
  return others.reduce((dearest, one) => (one.usd > dearest.usd ? one : dearest), first).key;
}

function missing(
  { cloud, region, date }: PriceBook,
  absent: readonly (readonly [key: string, neededBy: string])[],
): MillwrightError {
  const named = absent.map(([key, neededBy]) => `'${key}', which ${neededBy} needs`).join("; ");
  return new MillwrightError(
    "price-missing",
    `The price book of ${cloud} ${region} of ${date} has no price ${named}.`,
  );
}
