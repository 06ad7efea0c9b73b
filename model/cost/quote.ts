import type { AwsPreset } from "../aws/settings.ts";
import { MillwrightError } from "../errors.ts";
import type { Tier } from "../tenant.ts";
import { lineOf, totalOf, type CostComponent, type CostLine } from "./cost-line.ts";
import { platformLines, tenantLines } from "./materials.ts";
import { microUsd } from "./money.ts";
import { HOURS_PER_MONTH } from "./month.ts";
import type { PriceBook } from "./price-book.ts";
import { addRanges, type Range } from "./range.ts";
import {
  NOBODY,
  sharedParts,
  together,
  unsold,
  type Presence,
  type SharedPart,
  type SharedPlan,
} from "./share.ts";
import { usageCharges, BYTES_PER_GB } from "./usage-charges.ts";
import { assumedUsage, type MonthlyUsage, type UsageAssumptions } from "./usage.ts";

/** What is quoted for. */
export interface QuotedTenant {
  readonly tier: Tier;
  readonly machines: number;
  /** In place of what is taken for a customer nobody has measured. */
  readonly assumptions: Partial<UsageAssumptions>;
}

/** What a quote stands on. */
export interface QuoteBasis {
  readonly book: PriceBook;
  readonly preset: AwsPreset;
  readonly plan: SharedPlan;
  /** Databases that tenants share. */
  readonly sharedCells: number;
  /** The other tenants: all of them, and those in shared databases. */
  readonly others: { readonly all: Presence; readonly shared: Presence };
  /** From where on a tenant is moved to a database of its own; undefined: never for this reason. */
  readonly limits: {
    readonly ingestedGbPerDay?: number | undefined;
    readonly queriesPerSecond?: number | undefined;
  };
}

/** Micro-dollars a month of 730 h. */
export interface TierCost {
  /** What is there, or used, because of the tenant alone: it falls away with it. */
  readonly own: readonly CostLine[];
  /** Its part of what all share. */
  readonly shared: readonly SharedPart[];
  readonly marginal: Range;
  readonly share: Range;
  readonly total: Range;
}

export interface Quote {
  readonly tenant: QuotedTenant;
  readonly usage: MonthlyUsage;
  readonly cost: TierCost;
  /** Side by side, whichever tier was asked for. */
  readonly byTier: Readonly<Record<Tier, Range>>;
  /** Machines from which on a database of its own costs no more than its part of the shared one; undefined: never. */
  readonly dedicatedCheaperFrom: number | undefined;
  /** Machines from which on the triggers move it, and which of them does. */
  readonly dedicatedNecessaryFrom: { readonly machines: number; readonly because: string } | undefined;
}

/** More machines are no one tenant's. */
const MOST_MACHINES = 1_000_000;
const SECONDS_PER_MONTH = HOURS_PER_MONTH * 3_600;

/**
 * What a tenant would cost. @throws MillwrightError `price-missing` that names every price the book does not have
 */
export function quoteTenant(basis: QuoteBasis, tenant: QuotedTenant): Quote {
  const usageOf = (machines: number) => assumedUsage(machines, tenant.assumptions);
  const usage = usageOf(tenant.machines);
  const priced = pricedPlatform(basis);
  const of = (tier: Tier, machines: number) => tierCost(priced, tier, usageOf(machines));
  const cost = tierCost(priced, tenant.tier, usage);
  const byTier = {
    shared: of("shared", tenant.machines).total,
    dedicated: of("dedicated", tenant.machines).total,
  };
  const dedicatedCheaperFrom = firstWhere(
    (machines) => of("dedicated", machines).total.expected <= of("shared", machines).total.expected,
  );
  return {
    tenant,
    usage,
    cost,
    byTier,
    dedicatedCheaperFrom,
    dedicatedNecessaryFrom: necessaryFrom(basis, usageOf),
  };
}

/**
 * What tenants with so many machines would cost on a tier, for whoever asks about many. @throws as {@link quoteTenant}
 * @returns micro-dollars a month
 */
export function tierPricer(basis: QuoteBasis): (tier: Tier, machines: number) => Range {
  const priced = pricedPlatform(basis);
  return (tier, machines) => tierCost(priced, tier, assumedUsage(machines)).total;
}

/** Costs that do not change with the tenant, priced once a quote. */
interface PricedPlatform {
  readonly basis: QuoteBasis;
  readonly platform: readonly CostLine[];
  readonly stacks: Readonly<Record<Tier, readonly CostLine[]>>;
}

function pricedPlatform(basis: QuoteBasis): PricedPlatform {
  const { book, preset, sharedCells } = basis;
  return {
    basis,
    platform: platformLines(book, preset, sharedCells),
    stacks: { shared: tenantLines(book, "shared"), dedicated: tenantLines(book, "dedicated") },
  };
}

function tierCost({ basis, platform, stacks }: PricedPlatform, tier: Tier, usage: MonthlyUsage): TierCost {
  const { book, plan, others } = basis;
  const one = { hours: HOURS_PER_MONTH, use: usage };
  const used = usageCharges(usage).map((charge) => lineOf(book, "use", charge));
  const own = [...stacks[tier], ...used];
  const all = together(others.all, one);
  const everybody = together(all, unsold(plan, all));
  const inShared = tier === "shared" ? together(others.shared, one) : others.shared;
  const everybodyInShared = together(inShared, unsold(plan, inShared));
  const shared = sharedParts(platform, one, (component) =>
    component === SHARED_DATABASES ? everybodyInShared : everybody,
  ).map((part) => (tier === "dedicated" && part.component === SHARED_DATABASES ? nothingOf(part) : part));
  const [marginal, share] = [totalOf(own), addRanges(shared.map(({ amount }) => amount))];
  return { own, shared, marginal, share, total: addRanges([marginal, share]) };
}

/** A tenant with a database of its own has no part of the shared ones. */
const SHARED_DATABASES: CostComponent = "time-series";

const nothingOf = (part: SharedPart): SharedPart => ({
  ...part,
  part: 0,
  amount: { low: 0, expected: 0, high: 0 },
});

/** The least number of machines for which `holds`, which must go on to hold above it. */
function firstWhere(holds: (machines: number) => boolean): number | undefined {
  if (!holds(MOST_MACHINES)) return undefined;
  let [below, at] = [0, MOST_MACHINES];
  while (at - below > 1) {
    const middle = Math.floor((below + at) / 2);
    if (holds(middle)) at = middle;
    else below = middle;
  }
  return at;
}

function necessaryFrom(
  { limits }: QuoteBasis,
  usageOf: (machines: number) => MonthlyUsage,
): Quote["dedicatedNecessaryFrom"] {
  const reached = (reason: string, limit: number | undefined, valueOf: (usage: MonthlyUsage) => number) => {
    const machines = limit === undefined ? undefined : firstWhere((count) => valueOf(usageOf(count)) > limit);
    return machines === undefined ? [] : [{ machines, because: `${reason} above ${limit}` }];
  };
  const days = SECONDS_PER_MONTH / 86_400;
  return [
    ...reached("GB a day", limits.ingestedGbPerDay, ({ logBytes }) => logBytes / BYTES_PER_GB / days),
    ...reached("queries a second", limits.queriesPerSecond, ({ queries }) => queries / SECONDS_PER_MONTH),
  ].toSorted((a, b) => a.machines - b.machines)[0];
}

/** What is left of a price. @param priceUsd - asked of the tenant a month */
export function marginAt(
  priceUsd: number,
  { total }: Pick<TierCost, "total">,
): { readonly usd: number; readonly part: number } {
  if (!(priceUsd > 0)) throw new MillwrightError("request-invalid", "A price must be above 0.");
  const left = microUsd(priceUsd) - total.expected;
  return { usd: left / 1e6, part: left / microUsd(priceUsd) };
}

/** An empty platform. */
export const NO_OTHERS = { all: NOBODY, shared: NOBODY };
