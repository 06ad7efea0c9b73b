import type { BilledTenancy } from "../../model/cost/attribution.ts";
import { monthlyLine } from "../../model/cost/bill.ts";
import type { Charge } from "../../model/cost/cost-line.ts";
import { platformLines, tenantLines } from "../../model/cost/materials.ts";
import type { Standing } from "../../model/cost/month.ts";
import { bookOf } from "../../model/cost/price-books.ts";
import { moreVolumeCharges } from "../../model/cost/sizing.ts";
import { usageCharges, type UsePlace } from "../../model/cost/usage-charges.ts";
import { scaleSizes } from "../../model/cost/usage.ts";
import type { Pricing, PricingAt } from "./pricing.ts";
import type { PricedPlace } from "./quote-basis.ts";

/** Bills of a place are by the same stacks, prices and charges as its quotes. */
export function pricingOf({ region, preset, entrance }: PricedPlace): PricingAt {
  const known = new Map<string, Pricing>();
  return (date, sharedCells = 1) => {
    const book = bookOf({ region, date });
    const key = `${book.date} ${sharedCells}`;
    const pricing = known.get(key) ?? {
      book,
      stacks: {
        ...{
          region,
          bookDate: book.date,
          platform: platformLines(book, preset, sharedCells).map(monthlyLine),
        },
        tenant: {
          shared: tenantLines(book, "shared").map(monthlyLine),
          dedicated: tenantLines(book, "dedicated").map(monthlyLine),
        },
      },
      chargesOf: (tenancy, period) => chargesWhileThere({ preset, entrance }, tenancy, period),
    };
    known.set(key, pricing);
    return pricing;
  };
}

/**
 * Of a bill's use the sizes are averages over the bill's time, of a charge's over the time in which the tenant was there. Nothing
 * meters by which way readings came: all count as brought by the platform's entrance (docs/cost.md).
 */
function chargesWhileThere(
  place: UsePlace,
  { use, hours, sharedPart }: BilledTenancy,
  period: Standing,
): readonly Charge[] {
  const part = period.hours > 0 ? hours / period.hours : 0;
  const whileThere = scaleSizes(use, part > 0 ? 1 / part : 0);
  const months = period.months * part;
  return [
    ...usageCharges(whileThere, place, { hours, months }),
    ...moreVolumeCharges(whileThere, months * (1 - sharedPart)),
  ];
}
