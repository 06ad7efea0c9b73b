import type { AttributionRule, AttributionRules } from "./attribution-rules.ts";
import { tenancyKey, type BillLine, type OwedLine, type Tenancy } from "./bill.ts";
import type { CostComponent } from "./cost-line.ts";
import { splitExactly } from "./money.ts";
import { NOBODY, partOf, together, unsold, type Presence, type SharedPlan } from "./share.ts";
import { scaleUsage, type MonthlyUsage } from "./usage.ts";

/** A tenant in the time of a bill. */
export interface BilledTenancy extends Tenancy {
  /** How long it was there. */
  readonly hours: number;
  /** How much of that time it was in a database that all share: 0 with one of its own. */
  readonly sharedPart: number;
  /** Sizes are averages over the bill's whole time: of what was there for half of it, half. */
  readonly use: MonthlyUsage;
}

/** By what a bill is split. */
export interface SplitTerms {
  readonly rules: AttributionRules;
  /** What the platform is built for: see {@link unsold}. */
  readonly plan: SharedPlan;
  /** Hours of the bill's time. */
  readonly hours: number;
}

/** Why a tenant pays a line: it is its own, it used what is paid by use, or it shares what all share. */
export const ATTRIBUTIONS = ["own", "used", "shared"] as const;
export type AttributionKind = (typeof ATTRIBUTIONS)[number];

/** A tenant's part of a line, its quantity included. */
export interface AttributedLine extends BillLine {
  readonly kind: AttributionKind;
}

export interface Attribution {
  /** Lines of each tenancy by its key; all together are the bill, to the micro-dollar. */
  readonly lines: ReadonlyMap<string, readonly AttributedLine[]>;
  /** The platform's own part of what is shared: what it is built for, and nobody took. */
  readonly unattributed: readonly AttributedLine[];
}

/** Shared among those only who have no database of their own. */
const SHARED_DATABASES: CostComponent = "time-series";

/**
 * Gives each tenant its part of a bill. What belongs to one is its own; what is paid by use is split by use; what is shared
 * goes by the component's rule, among the tenants and the places that nobody has taken. A use that nobody had, or could
 * have had, in that time is split like the even part.
 * @throws RangeError for negative usage, hours or amounts, and for rules that are not 1 together
 */
export function attribute(
  bill: readonly OwedLine[],
  tenancies: readonly BilledTenancy[],
  terms: SplitTerms,
): Attribution {
  // The units that are left over go to the first of equals: in an order that does not depend on how they were read.
  const sorted = tenancies
    .map((one) => ({ ...one, key: tenancyKey(one) }))
    .toSorted((a, b) => (a.key < b.key ? -1 : 1));
  for (const one of sorted) refuseNegative(one);
  const keys = sorted.map(({ key }) => key);
  const lines = new Map<string, AttributedLine[]>(keys.map((key) => [key, []]));
  const unattributed: AttributedLine[] = [];
  const weightsOf = weightsByComponent(sorted, terms);

  for (const { owner, taken, ...line } of bill) {
    if (!(line.amount >= 0)) throw new RangeError(`an amount of ${line.amount} for ${line.of}`);
    if (owner !== null) addTo(lines, owner, { ...line, kind: "own" });
    else if (taken !== undefined) split(line, "used", Object.entries(taken).toSorted());
    else {
      const weights = weightsOf(line.component);
      const among = keys.map((key, index): [string, number] => [key, weights.tenants[index] ?? 0]);
      split(line, "shared", [...among, [PLATFORM, weights.platform]]);
    }
  }
  return { lines, unattributed };

  function split(line: BillLine, kind: AttributionKind, among: readonly (readonly [string, number])[]): void {
    const negative = among.find(([, weight]) => !(weight >= 0));
    if (negative !== undefined) throw new RangeError(`a use of ${negative[1]} of ${line.of}`);
    const amounts = splitExactly(
      line.amount,
      among.map(([, weight]) => weight),
    );
    for (const [index, [key]] of among.entries()) {
      const amount = amounts[index] ?? 0;
      if (amount === 0) continue;
      const part = { ...line, kind, quantity: line.quantity * (amount / line.amount), amount };
      if (key === PLATFORM) unattributed.push(part);
      else addTo(lines, key, part);
    }
  }
}

/** In place of a tenant's key; comes last. */
const PLATFORM = "";

interface Weights {
  readonly tenants: readonly number[];
  readonly platform: number;
}

function weightsByComponent(
  tenancies: readonly BilledTenancy[],
  { rules, plan, hours }: SplitTerms,
): (component: CostComponent) => Weights {
  const inShared = tenancies.map(({ hours: each, use, sharedPart }) => ({
    hours: each * sharedPart,
    use: scaleUsage(use, sharedPart),
  }));
  const [everybody, everybodyInShared] = [tenancies, inShared].map((all) => {
    const taken = all.reduce<Presence>(together, NOBODY);
    const left = unsold(plan, taken, hours);
    return { all, left, sum: together(taken, left) };
  });
  const known = new Map<CostComponent, Weights>();
  return (component) => {
    const found = known.get(component);
    if (found !== undefined) return found;
    refuseUneven(component, rules[component]);
    const those = component === SHARED_DATABASES ? everybodyInShared : everybody;
    const { all, left, sum } = those ?? { all: [], left: NOBODY, sum: NOBODY };
    const tenants = all.map((one) => partOf(component, one, sum, rules));
    // Where nobody was there, and nobody could have been, it is the platform's all the same.
    const platform = sum.hours > 0 ? partOf(component, left, sum, rules) : 1;
    known.set(component, { tenants, platform });
    return { tenants, platform };
  };
}

function addTo(lines: Map<string, AttributedLine[]>, key: string, line: AttributedLine): void {
  const known = lines.get(key);
  if (known === undefined) lines.set(key, [line]);
  else known.push(line);
}

function refuseNegative({ tenant, hours, sharedPart, use }: BilledTenancy): void {
  for (const [name, value] of Object.entries({ hours, sharedPart, ...use }))
    if (!(value >= 0)) throw new RangeError(`${name} of ${value} of tenant ${tenant}`);
}

function refuseUneven(component: CostComponent, { even, by }: AttributionRule): void {
  const parts = [even, ...Object.values(by)];
  const sum = parts.reduce((total, part) => total + part, 0);
  if (Math.abs(sum - 1) > 1e-9 || parts.some((part) => !(part >= 0)))
    throw new RangeError(`the parts of ${component} are ${sum} together`);
}
