import type { StackPrices } from "../../data/catalog/stack-cost.ts";
import type { BilledTenancy } from "../../model/cost/attribution.ts";
import type { Charge } from "../../model/cost/cost-line.ts";
import type { Standing } from "../../model/cost/month.ts";
import type { PriceBook } from "../../model/cost/price-book.ts";

/** What this installation is billed by: on AWS its own region's prices, elsewhere those of what it would be there. */
export interface Pricing {
  readonly book: PriceBook;
  readonly stacks: StackPrices;
  /** What the use of one tenant takes of which prices. @param period - the bill's time */
  readonly chargesOf: (tenancy: BilledTenancy, period: Standing) => readonly Charge[];
}

/**
 * By the newest price book that is not after the day, `2026-11-20`; the platform with so many shared cells, or one.
 * @throws MillwrightError `price-book-missing`, `price-missing`
 */
export type PricingAt = (date: string, sharedCells?: number) => Pricing;
