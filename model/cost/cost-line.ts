import { chargeOf, priceOf, type PriceBook } from "./price-book.ts";
import { addRanges, mapRange, type Range } from "./range.ts";

/** What of the platform a line pays for. */
export const COST_COMPONENTS = [
  ...["time-series", "catalog", "event-log", "functions", "control-plane", "api", "machine-entrance"],
  ...["network", "archive", "notifications", "monitoring", "security"],
] as const;
export type CostComponent = (typeof COST_COMPONENTS)[number];

/** What is taken of one price in a month. */
export interface Charge {
  readonly component: CostComponent;
  /** Key into the price book. */
  readonly price: string;
  /** In the price's unit. */
  readonly quantity: Range;
  /** What had to be assumed about a quantity that nobody knows. */
  readonly assumption?: string;
}

/** One line of a quote or a bill. */
export interface CostLine extends Charge {
  /** Whose it is: a resource's name, or the use that causes it. */
  readonly of: string;
  readonly unit: string;
  /** Micro-dollars a month. */
  readonly amount: Range;
  /** False where the price is from a weak source. */
  readonly isVerified: boolean;
}

/** @param of - whose charge it is; named where a price is missing @throws MillwrightError `price-missing` */
export function lineOf(book: PriceBook, of: string, charge: Charge): CostLine {
  const price = priceOf(book, charge.price, of);
  const amount = mapRange(charge.quantity, (quantity) => chargeOf(price, quantity));
  return { ...charge, of, unit: price.unit, amount, isVerified: price.isVerified };
}

/** Micro-dollars a month. */
export function totalOf(lines: readonly CostLine[]): Range {
  return addRanges(lines.map(({ amount }) => amount));
}
