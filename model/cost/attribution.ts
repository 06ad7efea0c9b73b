import type { AttributionRule, AttributionRules } from "./attribution-rules.ts";
import { tenancyKey, type BillLine, type OwedLine, type Tenancy } from "./bill.ts";
import type { CostComponent } from "./cost-line.ts";
import { splitExactly, type MicroUsd } from "./money.ts";
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

/** What the platform was built for in some time. */
export interface SharedTime {
  /** See {@link unsold}; the mean. */
  readonly plan: SharedPlan;
  readonly hours: number;
}

/** By what a bill is split. */
export interface SplitTerms extends SharedTime {
  readonly rules: AttributionRules;
  /** Of a bill in whose time the plan changed: what is shared is split in each by who was there then, and what they used. */
  readonly spans?: readonly SplitSpan[];
}

export interface SplitSpan extends SharedTime {
  readonly tenancies: readonly BilledTenancy[];
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
 * @throws RangeError for negative usage, hours or amounts, for rules that are not 1 together, and for spans that are not all
 */
export function attribute(
  bill: readonly OwedLine[],
  tenancies: readonly BilledTenancy[],
  terms: SplitTerms,
): Attribution {
  const lines = new Map<string, AttributedLine[]>(tenancies.map((one) => [tenancyKey(one), []]));
  const unattributed: AttributedLine[] = [];
  const { rules, plan, hours, spans = [] } = terms;
  const inAll = weightsByComponent({ plan, hours, tenancies }, rules);
  const inSpans = spans.map((span) => weightsByComponent(span, rules));

  for (const { owner, taken, bySpan, ...line } of bill) {
    if (!(line.amount >= 0)) throw new RangeError(`an amount of ${line.amount} for ${line.of}`);
    if (owner !== null) addTo(lines, owner, { ...line, kind: "own" });
    else if (taken !== undefined)
      give(line, "used", [split(line, line.amount, Object.entries(taken).toSorted())]);
    else if (bySpan === undefined) give(line, "shared", [split(line, line.amount, inAll(line.component))]);
    else {
      refuseIncomplete(line, bySpan, spans.length);
      const splits = inSpans.map((weightsOf, index) =>
        split(line, bySpan[index] ?? 0, weightsOf(line.component)),
      );
      give(line, "shared", splits);
    }
  }
  return { lines, unattributed };

  /** @param splits - who has which parts of the amount; one may have several */
  function give(line: BillLine, kind: AttributionKind, splits: readonly Split[]): void {
    for (const [key, amount] of sumByKey(splits)) {
      if (amount === 0) continue;
      const part = { ...line, kind, quantity: line.quantity * (amount / line.amount), amount };
      if (key === PLATFORM) unattributed.push(part);
      else addTo(lines, key, part);
    }
  }
}

/** In place of a tenant's key; comes last. */
const PLATFORM = "";

/** Amounts, or what they are split by, and whose: by key. */
type Split = readonly (readonly [key: string, value: number])[];

function split({ of }: BillLine, amount: MicroUsd, among: Split): Split {
  const negative = among.find(([, weight]) => !(weight >= 0));
  if (negative !== undefined) throw new RangeError(`a use of ${negative[1]} of ${of}`);
  const amounts = splitExactly(
    amount,
    among.map(([, weight]) => weight),
  );
  return among.map(([key], index) => [key, amounts[index] ?? 0]);
}

function sumByKey(splits: readonly Split[]): Iterable<Split[number]> {
  const [first = [], ...others] = splits;
  if (others.length === 0) return first;
  const sums = new Map(first);
  for (const [key, amount] of others.flat()) sums.set(key, (sums.get(key) ?? 0) + amount);
  return sums;
}

function weightsByComponent(
  { plan, hours, tenancies: unsorted }: SplitSpan,
  rules: AttributionRules,
): (component: CostComponent) => Split {
  // The units that are left over go to the first of equals: in an order that does not depend on how they were read.
  const tenancies = unsorted
    .map((one) => ({ ...one, key: tenancyKey(one) }))
    .toSorted((a, b) => (a.key < b.key ? -1 : 1));
  for (const one of tenancies) refuseNegative(one);
  const inShared = tenancies.map(({ key, hours: each, use, sharedPart }) => ({
    key,
    hours: each * sharedPart,
    use: scaleUsage(use, sharedPart),
  }));
  const [everybody, everybodyInShared] = [tenancies, inShared].map((all) => {
    const taken = all.reduce<Presence>(together, NOBODY);
    const left = unsold(plan, taken, hours);
    return { all, left, sum: together(taken, left) };
  });
  const known = new Map<CostComponent, Split>();
  return (component) => {
    const found = known.get(component);
    if (found !== undefined) return found;
    refuseUneven(component, rules[component]);
    const those = component === SHARED_DATABASES ? everybodyInShared : everybody;
    const { all, left, sum } = those ?? { all: [], left: NOBODY, sum: NOBODY };
    // Where nobody was there, and nobody could have been, it is the platform's all the same.
    const platform = sum.hours > 0 ? partOf(component, left, sum, rules) : 1;
    const tenants = all.map((one) => [one.key, partOf(component, one, sum, rules)] as const);
    const weights = [...tenants, [PLATFORM, platform] as const];
    known.set(component, weights);
    return weights;
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

function refuseIncomplete({ of, amount }: BillLine, bySpan: readonly MicroUsd[], spanCount: number): void {
  const sum = bySpan.reduce((total, each) => total + each, 0);
  if (sum !== amount || bySpan.length !== spanCount || bySpan.some((each) => !(each >= 0)))
    throw new RangeError(`${sum} in ${bySpan.length} of ${spanCount} spans, of ${amount} for ${of}`);
}

function refuseUneven(component: CostComponent, { even, by }: AttributionRule): void {
  const parts = [even, ...Object.values(by)];
  const sum = parts.reduce((total, part) => total + part, 0);
  if (Math.abs(sum - 1) > 1e-9 || parts.some((part) => !(part >= 0)))
    throw new RangeError(`the parts of ${component} are ${sum} together`);
}
