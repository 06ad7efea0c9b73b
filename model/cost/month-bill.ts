import { attribute, type AttributedLine, type BilledTenancy, type SplitTerms } from "./attribution.ts";
import { sumOf, tenancyKey, type OwedLine, type Tenancy } from "./bill.ts";
import type { Charge } from "./cost-line.ts";
import type { MicroUsd } from "./money.ts";
import { chargeOf, priceOf, type PriceBook } from "./price-book.ts";

/** All that the bills of a month follow from. */
export interface BillInputs extends SplitTerms {
  readonly lines: readonly OwedLine[];
  readonly tenancies: readonly BilledTenancy[];
}

export interface TenantBill extends Tenancy {
  readonly hours: number;
  readonly total: MicroUsd;
  readonly lines: readonly AttributedLine[];
}

export interface MonthBill {
  readonly total: MicroUsd;
  /** What no tenant pays: the platform's own part of what is shared. */
  readonly unattributed: readonly AttributedLine[];
  /** By tenant and creation. */
  readonly tenants: readonly TenantBill[];
}

export function monthBill({ lines, tenancies, ...terms }: BillInputs): MonthBill {
  const attribution = attribute(lines, tenancies, terms);
  const hours = new Map(tenancies.map((one) => [tenancyKey(one), one.hours]));
  const tenants = [...attribution.lines].map(([key, of]) => {
    const [tenant = "", since = ""] = key.split(" ");
    return { tenant, since, hours: hours.get(key) ?? 0, total: sumOf(of), lines: of };
  });
  return {
    total: sumOf(lines),
    unattributed: attribution.unattributed,
    tenants: tenants.toSorted((a, b) => (tenancyKey(a) < tenancyKey(b) ? -1 : 1)),
  };
}

/**
 * Lines for what is paid by use. All tenants' use together climbs the steps of a price, as it does on the account that pays
 * it, and each then pays its part.
 * @param chargesOf - what the use of one tenant takes of which prices
 * @throws MillwrightError `price-missing`
 */
export function meteredLines(
  book: PriceBook,
  tenancies: readonly BilledTenancy[],
  chargesOf: (tenancy: BilledTenancy) => readonly Charge[],
): readonly OwedLine[] {
  const charges = tenancies.flatMap((one) =>
    chargesOf(one).map((charge) => ({ ...charge, key: tenancyKey(one) })),
  );
  const alike = Map.groupBy(charges, ({ component, price }) => `${component} ${price}`);
  return [...alike.values()].flatMap((same) => {
    const [first] = same;
    if (first === undefined) return [];
    const { component, price } = first;
    const taken: Record<string, number> = {};
    for (const { key, quantity } of same) taken[key] = (taken[key] ?? 0) + quantity.expected;
    const quantity = Object.values(taken).reduce((sum, one) => sum + one, 0);
    const priced = priceOf(book, price, `the use of ${component}`);
    const amount = chargeOf(priced, quantity);
    return [{ component, price, of: "use", unit: priced.unit, quantity, amount, owner: null, taken }];
  });
}
