import type { Charge, CostComponent } from "../cost-line.ts";
import type { Standing } from "../month.ts";
import type { PlannedResource } from "../planned-resource.ts";
import { dearestOf, type PriceBook } from "../price-book.ts";
import { exactly, type Range } from "../range.ts";
import { UNKNOWN } from "../planned-resource.ts";

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

/** The resource of another type that carries a resource's settings: the one of its name, else any. */
export function companionsOf(
  { stack }: Charging,
  type: string,
  { name }: PlannedResource,
): readonly PlannedResource[] {
  const all = stack.filter((one) => one.type === type);
  const own = all.filter((one) => one.name === name);
  return own.length > 0 ? own : all;
}
