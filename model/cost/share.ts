import { ATTRIBUTION_RULES, USES, type AttributionRules } from "./attribution-rules.ts";
import type { CostComponent, CostLine } from "./cost-line.ts";
import { HOURS_PER_MONTH } from "./month.ts";
import { addRanges, mapRange, type Range } from "./range.ts";
import { addUsage, assumedUsage, mapUsage, NO_USAGE, stretchUsage, type MonthlyUsage } from "./usage.ts";

/** How long somebody was there in a month, and what it used; of one tenant, or of many together. */
export interface Presence {
  readonly hours: number;
  readonly use: MonthlyUsage;
}

export const NOBODY: Presence = { hours: 0, use: NO_USAGE };

export function together(a: Presence, b: Presence): Presence {
  return { hours: a.hours + b.hours, use: addUsage(a.use, b.use) };
}

/** What a shared platform is built for: so many tenants, each with so many machines. */
export interface SharedPlan {
  readonly places: number;
  readonly machinesPerPlace: number;
}

/** Seed 000: 15 machines a customer. */
export const MACHINES_PER_PLACE = 15;

/**
 * What nobody has taken of what the platform is built for. It has its part of the shared bill like a tenant, which the
 * platform's owner bears: a tenant's price does not fall on it because the neighbours are not there yet.
 */
export function unsold(
  { places, machinesPerPlace }: SharedPlan,
  taken: Presence,
  hours = HOURS_PER_MONTH,
): Presence {
  const planned = stretchUsage(assumedUsage(machinesPerPlace), hours / HOURS_PER_MONTH);
  const left = (one: number, used: number) => Math.max(0, places * one - used);
  return {
    hours: left(hours, taken.hours),
    use: mapUsage(planned, (value, name) => left(value, taken.use[name])),
  };
}

/** The part of a component's shared cost that falls on one of all who are there, between 0 and 1. */
export function partOf(
  component: CostComponent,
  one: Presence,
  all: Presence,
  rules: AttributionRules = ATTRIBUTION_RULES,
): number {
  const { even, by } = rules[component];
  const evenPart = all.hours > 0 ? one.hours / all.hours : 0;
  // A use that nobody had is split like the even part: the rule of the bill.
  const usePart = (name: keyof MonthlyUsage) =>
    all.use[name] > 0 ? one.use[name] / all.use[name] : evenPart;
  return USES.reduce((sum, name) => sum + (by[name] ?? 0) * usePart(name), even * evenPart);
}

/** A tenant's part of what is shared of one component; micro-dollars a month. */
export interface SharedPart {
  readonly component: CostComponent;
  readonly part: number;
  readonly whole: Range;
  readonly amount: Range;
}

/** @param allIn - everybody who shares a component, the one included */
export function sharedParts(
  lines: readonly CostLine[],
  one: Presence,
  allIn: (component: CostComponent) => Presence,
): SharedPart[] {
  const byComponent = Map.groupBy(lines, ({ component }) => component);
  return [...byComponent].map(([component, ofIt]) => {
    const whole = addRanges(ofIt.map(({ amount }) => amount));
    const part = partOf(component, one, allIn(component));
    return { component, part, whole, amount: mapRange(whole, (amount) => Math.round(amount * part)) };
  });
}
