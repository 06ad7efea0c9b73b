import { MillwrightError } from "../errors.ts";
import { lineOf, type Charge, type CostLine } from "./cost-line.ts";
import type { PlannedResource } from "./planned-resource.ts";
import type { PriceBook } from "./price-book.ts";
import { ONE_MONTH } from "./month.ts";
import { labelOf, type Charger } from "./resources/charging.ts";
import { DATABASES } from "./resources/databases.ts";
import { SERVERS } from "./resources/servers.ts";
import { SURROUNDINGS } from "./resources/surroundings.ts";
import { refuseUnpriced } from "./resources/unpriced.ts";
import { isWithoutCharge } from "./resources/without-charge.ts";

const CHARGERS: Readonly<Record<string, Charger>> = {
  ...SERVERS,
  ...DATABASES,
  ...SURROUNDINGS,
};

/** A charge and the resource that it is of. */
export interface OwnedCharge extends Charge {
  readonly of: string;
}

/**
 * What a stack's resources are charged with a month by standing there, whatever they are used for. Values that are not known yet are
 * taken at their worst, for which the book is asked.
 * @throws MillwrightError `price-missing` that names a resource of a type without a rule, or one that asks for more than its
 *   rule prices
 */
export function stackCharges(book: PriceBook, stack: readonly PlannedResource[]): OwnedCharge[] {
  const charging = { ...ONE_MONTH, book, stack };
  return stack.flatMap((resource) => {
    const of = labelOf(resource);
    refuseUnpriced(resource, book);
    const charger = Object.hasOwn(CHARGERS, resource.type) ? CHARGERS[resource.type] : undefined;
    if (charger !== undefined) return charger(resource, charging).map((charge) => ({ of, ...charge }));
    if (isWithoutCharge(resource.type)) return [];
    throw new MillwrightError(
      "price-missing",
      `The cost model does not know what a resource of type ${resource.type} costs, which ${of} is.`,
    );
  });
}

/** The same in money. @throws MillwrightError `price-missing` */
export function stackLines(book: PriceBook, stack: readonly PlannedResource[]): CostLine[] {
  return stackCharges(book, stack).map((charge) => lineOf(book, charge.of, charge));
}
