import { stackCharges } from "../../model/cost/stack-lines.ts";
import { bookOf } from "../../model/cost/price-books.ts";
import type { StackResource } from "./stack-graph.ts";

/**
 * What a stack is charged with in a month by standing there, as JSON. Quotes are made of it, also for tenants of the local
 * target, without a run of the engine.
 */
export function billOfMaterials(name: string, resources: readonly StackResource[]): string {
  const planned = resources
    .filter(({ custom }) => custom)
    .map(({ urn, type, inputs }) => ({ type, name: urn.split("::").at(-1) ?? urn, props: inputs ?? {} }))
    .toSorted((a, b) => (`${a.type} ${a.name}` < `${b.type} ${b.name}` ? -1 : 1));
  const charges = stackCharges(REFERENCE_BOOK, planned).map(({ quantity, ...charge }) => ({
    ...charge,
    quantity: quantity.low === quantity.high ? quantity.expected : quantity,
  }));
  return `${JSON.stringify({ stack: name, charges }, null, 2)}\n`;
}

/** Asked for sizes that are not known only, and a stack that stands has none. */
const REFERENCE_BOOK = bookOf({ region: "us-east-1", date: "2026-11-20" });
