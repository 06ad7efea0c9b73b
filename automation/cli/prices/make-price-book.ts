import { MillwrightError } from "../../../model/errors.ts";
import { priceBookSchema, type Price, type PriceBook } from "../../../model/cost/price-book.ts";
import { invalid, offerRows, type OfferFacts, type OfferRow } from "./offer-file.ts";
import type { OpenFile } from "./offer-source.ts";
import { PRICE_RULES, type OfferRules, type PriceRule } from "../../../model/cost/price-rules.ts";
import { withoutRegion } from "../../../model/cost/usage-type.ts";
import { countOf } from "./units.ts";

/** A price that the new book does not have, and why. */
export interface LeftOut {
  readonly key: string;
  readonly reason: string;
}

export interface MadeBook {
  readonly book: PriceBook;
  readonly leftOut: readonly LeftOut[];
}

/** Rows that may be the price of a key. */
interface Candidates {
  readonly rule: PriceRule;
  readonly rowsBySku: Map<string, OfferRow[]>;
}

// A rule that fits more than this fits anything; what it has found so far says so.
const MAX_ROWS_OF_A_KEY = 200;

/**
 * Makes a book of AWS's public price lists. Its day is the newest of their publications, so that the same files make the
 * same book.
 * @throws MillwrightError `price-ambiguous`: more than one SKU fits a key; `price-list-invalid`; `price-list-unavailable`
 */
export async function makePriceBook(
  region: string,
  { open, signal, onFile }: { open: OpenFile; signal: AbortSignal; onFile: (file: string) => void },
): Promise<MadeBook> {
  const prices: Record<string, Price> = {};
  const sources: Record<string, PriceBook["sources"][string]> = {};
  const leftOut: LeftOut[] = [];
  const ambiguous: string[] = [];
  for (const { offer, isGlobal, rules } of PRICE_RULES) {
    const file = `offers/v1.0/aws/${offer}/current/${isGlobal ? "" : `${region}/`}index.csv`;
    onFile(file);
    const content = await open(file, signal);
    if (content === undefined) {
      leftOut.push(...keysOf(rules).map((key) => ({ key, reason: `there is no price list ${offer}` })));
      continue;
    }
    const { facts, found } = await candidates(file, offerRows(file, content), {
      rules,
      ...(isGlobal ? {} : { region }),
    });
    if (facts.offer !== offer) throw invalid(file, `it is the one of '${facts.offer}'`);
    sources[offer] = { what: `AWS price list ${offer}, version ${facts.version}`, date: facts.publishedOn };
    for (const [key, { rule, rowsBySku }] of found) {
      const [first, ...others] = rowsBySku;
      if (first === undefined) leftOut.push({ key, reason: "no SKU fits" });
      else if (others.length > 0)
        ambiguous.push(`${key}: ${[...rowsBySku.values()].map(describe).join("; ")}`);
      else {
        const [sku, rows] = first;
        const price = priceOf(file, rule, rows);
        if (typeof price === "string") leftOut.push({ key, reason: price });
        else prices[key] = { ...price, sku, source: offer };
      }
    }
  }
  if (ambiguous.length > 0) {
    throw new MillwrightError(
      "price-ambiguous",
      `More than one SKU fits, so no book is written. ${ambiguous.join(". ")}.`,
    );
  }
  return { book: bookOf(region, prices, sources), leftOut };
}

async function candidates(
  file: string,
  rows: AsyncGenerator<OfferRow, OfferFacts>,
  { rules, region }: { readonly rules: readonly PriceRule[]; readonly region?: string },
): Promise<{ facts: OfferFacts; found: ReadonlyMap<string, Candidates> }> {
  const found = new Map(
    rules.map((rule): [string, Candidates] => [rule.key, { rule, rowsBySku: new Map() }]),
  );
  const rulesOf = Map.groupBy(rules, ({ usageType }) => usageType.toLowerCase());
  let next = await rows.next();
  for (; next.done !== true; next = await rows.next()) {
    const row = next.value;
    const usageType = withoutRegion(row.cell("usagetype"), region);
    for (const rule of rulesOf.get(usageType ?? "") ?? []) {
      if (!Object.entries(rule.where).every(([column, value]) => row.cell(column) === value)) continue;
      const rowsBySku = found.get(rule.key)?.rowsBySku;
      const sku = row.cell("sku");
      rowsBySku?.set(sku, [...(rowsBySku.get(sku) ?? []), row]);
      if (
        (rowsBySku?.get(sku)?.length ?? 0) > MAX_ROWS_OF_A_KEY ||
        (rowsBySku?.size ?? 0) > MAX_ROWS_OF_A_KEY
      )
        throw invalid(file, `more than ${MAX_ROWS_OF_A_KEY} rows fit '${rule.key}'`);
    }
  }
  return { facts: next.value, found };
}

/** The price of one SKU, or why it is none. @throws MillwrightError `price-list-invalid` */
function priceOf(
  file: string,
  { key, unit }: PriceRule,
  rows: readonly OfferRow[],
): Omit<Price, "sku" | "source"> | string {
  const [awsUnit = ""] = rows.map((row) => row.cell("unit"));
  const count = countOf(unit, awsUnit);
  if (count === undefined) return `its unit is '${awsUnit}', which is not known to be of ${unit}`;
  const steps = rows
    .map((row) => {
      const currency = row.cell("currency");
      if (currency !== "USD") throw invalid(file, `the price of '${key}' is in ${currency}, not in USD`);
      return {
        from: numberOf(file, row, "startingrange") * count,
        to: row.cell("endingrange") === "Inf" ? Infinity : numberOf(file, row, "endingrange") * count,
        usd: Number((numberOf(file, row, "priceperunit") / count).toPrecision(12)),
      };
    })
    .toSorted((a, b) => a.from - b.from);
  const isWhole = steps.every(({ from }, index) => from === (index === 0 ? 0 : steps[index - 1]?.to));
  if (!isWhole || steps.at(-1)?.to !== Infinity) throw invalid(file, `the steps of '${key}' have gaps`);
  // A free first step is an account's free tier, which is spent once and not by every tenant: the book has none.
  const paid = steps.slice(steps.findIndex(({ usd }) => usd > 0));
  if (paid.every(({ usd }) => usd === 0)) return "its price is 0";
  return {
    unit,
    steps: paid.map(({ from, usd }, index) => ({ from: index === 0 ? 0 : from, usd })),
    isVerified: true,
  };
}

function numberOf(file: string, row: OfferRow, column: string): number {
  const text = row.cell(column);
  const value = text.trim() === "" ? NaN : Number(text);
  if (value >= 0 && value < Infinity) return value;
  throw invalid(file, `${column} of SKU ${row.cell("sku")} is '${text}'`);
}

function bookOf(region: string, prices: Record<string, Price>, sources: PriceBook["sources"]): PriceBook {
  const date = Object.values(sources).reduce(
    (newest, { date }) => (date !== null && date > newest ? date : newest),
    "",
  );
  const sorted = Object.entries(prices).toSorted(([a], [b]) => (a < b ? -1 : 1));
  if (sorted.length === 0)
    throw new MillwrightError(
      "price-list-invalid",
      `Nothing was found there for ${region}; no book is written.`,
    );
  return priceBookSchema.parse({
    ...{ cloud: "aws", region, date, currency: "USD" },
    sources,
    prices: Object.fromEntries(sorted),
  });
}

function keysOf(rules: OfferRules["rules"]): string[] {
  return [...new Set(rules.map(({ key }) => key))];
}

function describe([row]: readonly OfferRow[]): string {
  if (row === undefined) return "";
  return `${row.cell("sku")} (${row.cell("usagetype")}, ${row.cell("operation")}: ${row.cell("pricedescription")})`;
}
