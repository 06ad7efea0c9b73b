import { lineOf, totalOf, type Charge, type CostComponent } from "../cost-line.ts";
import type { Standing } from "../month.ts";
import type { PlannedResource } from "../planned-resource.ts";
import { dearestOf, type PriceBook } from "../price-book.ts";
import { exactly, type Range } from "../range.ts";
import { UNKNOWN } from "../planned-resource.ts";

/** A region has no more: what a list of subnets that is not known may hold. */
export const MOST_ZONES = 6;

/** For how long, and beside what, a resource is charged. */
export interface Charging extends Standing {
  readonly book: PriceBook;
  /** The resource's stack, itself included: some sizes stand in another resource. */
  readonly stack: readonly PlannedResource[];
}

/** What a resource of one type costs by standing there, whatever it is used for. */
export type Charger = (resource: PlannedResource, charging: Charging) => readonly Charge[];

/** One charge whose quantity is known, or is a range. */
export function charge(
  component: CostComponent,
  price: string,
  quantity: number | Range,
  assumption?: string,
): Charge {
  const range = typeof quantity === "number" ? exactly(quantity) : quantity;
  return { component, price, quantity: range, ...(assumption === undefined ? {} : { assumption }) };
}

/** The price of a size; of one that is not known yet, the dearest of its family. */
export function sizePrice(
  { book }: Charging,
  family: string,
  size: string | typeof UNKNOWN | undefined,
  neededBy: string,
): string {
  return typeof size === "string" ? `${family}${size}` : dearestOf(book, family, neededBy);
}

/** The stack's resources of a type that carries settings of another. */
export function companionsOf({ stack }: Charging, type: string): readonly PlannedResource[] {
  return stack.filter((one) => one.type === type);
}

/** A resource as messages call it: `Instance server-a`. */
export function labelOf({ type, name }: PlannedResource): string {
  return `${type.split(":").at(-1) ?? ""} ${name}`;
}

/** What costs the most of what may be. @param choices - at least one @throws MillwrightError `price-missing` */
export function dearestCharges(
  { book }: Charging,
  choices: readonly (readonly Charge[])[],
  neededBy: string,
): readonly Charge[] {
  const [first = [], ...others] = choices;
  const cost = (charges: readonly Charge[]) =>
    totalOf(charges.map((one) => lineOf(book, neededBy, one))).expected;
  return others.reduce((dearest, one) => (cost(one) > cost(dearest) ? one : dearest), first);
}
