import type { AwsPreset } from "../aws/settings.ts";
import { MillwrightError } from "../errors.ts";
import { TIERS, type Tier } from "../tenant.ts";
import { lineOf, totalOf, type CostComponent, type CostLine } from "./cost-line.ts";
import { FIRST_CELL, platformLines, pricesOfMaterials, tenantLines } from "./materials.ts";
import { microUsd, type MicroUsd } from "./money.ts";
import { HOURS_PER_MONTH } from "./month.ts";
import { requirePrices, type PriceBook } from "./price-book.ts";
import { addRanges, mapRange, type Range } from "./range.ts";
import {
  NOBODY,
  sharedParts,
  together,
  unsold,
  type Presence,
  type SharedPart,
  type SharedPlan,
} from "./share.ts";
import { cellsFor, moreVolumeCharges, sharedRoomGb, shortfallOf } from "./sizing.ts";
import { gapsOf, unmeteredCharges, type Unmetered } from "./unmetered-charges.ts";
import type { Entrance } from "./entrance.ts";
import { usageCharges, BYTES_PER_GB } from "./usage-charges.ts";
import { assumedUsage, type MonthlyUsage, type UsageAssumptions } from "./usage.ts";

/** What is quoted for. */
export interface QuotedTenant {
  readonly tier: Tier;
  readonly machines: number;
  /** In place of what is taken for a customer nobody has measured. */
  readonly assumptions: Partial<UsageAssumptions>;
  /** Left out: what the platform's machines use. */
  readonly entrance?: Entrance | undefined;
}

/** What a quote stands on. */
export interface QuoteBasis {
  readonly book: PriceBook;
  readonly preset: AwsPreset;
  /** What machines use unless told. */
  readonly entrance: Entrance;
  readonly plan: SharedPlan;
  /** Databases that tenants share. */
  readonly sharedCells: number;
  /** The other tenants: all of them, and those in shared databases. */
  readonly others: { readonly all: Presence; readonly shared: Presence };
  /** From where on a tenant is moved to a database of its own; undefined: never for this reason. */
  readonly limits: {
    readonly ingestedGbPerDay?: number | undefined;
    readonly queriesPerSecond?: number | undefined;
    readonly storageGb?: number | undefined;
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
  readonly entrance: Entrance;
  /** Once its history has filled up, as all that follows but `growth`. */
  readonly usage: MonthlyUsage;
  readonly cost: TierCost;
  /** What is expected in each month of the first year, with all machines from the first day; micro-dollars. */
  readonly growth: readonly { readonly month: number; readonly expected: MicroUsd }[];
  /** What a tier has no room for; undefined: it has. */
  readonly shortfalls: Readonly<Record<Tier, string | undefined>>;
  /** What is in no quote, or on no bill. */
  readonly gaps: readonly string[];
  /** Side by side, whichever tier was asked for. */
  readonly byTier: Readonly<Record<Tier, Range>>;
  /** The first number of machines at which a database of its own costs no more than its part of the shared one; undefined: none. */
  readonly dedicatedCheaperFrom: number | undefined;
  /** Machines from which on a trigger moves it, or no shared database holds it, and which is first. */
  readonly dedicatedNecessaryFrom: { readonly machines: number; readonly because: string } | undefined;
}

/** More machines are no one tenant's. */
const MOST_MACHINES = 1_000_000;
const SECONDS_PER_MONTH = HOURS_PER_MONTH * 3_600;
const FIRST_YEAR = Array.from({ length: 12 }, (_, index) => index + 1);

/**
 * What a tenant would cost. @throws MillwrightError `price-missing` that names every price the book does not have
 */
export function quoteTenant(basis: QuoteBasis, tenant: QuotedTenant): Quote {
  const { assumptions, entrance = basis.entrance } = tenant;
  const priced = pricedPlatform(basis, assumptions, entrance);
  const usageOf = (machines: number) => assumedUsage(machines, assumptions);
  const usage = usageOf(tenant.machines);
  const of = (tier: Tier, machines: number) => tierCost(priced, tier, machines, usageOf(machines));
  const inMonth = (month: number) =>
    tierCost(priced, tenant.tier, tenant.machines, assumedUsage(tenant.machines, assumptions, month));
  const byBoth = <T>(map: (tier: Tier) => T) =>
    Object.fromEntries(TIERS.map((tier) => [tier, map(tier)])) as Record<Tier, T>;
  return {
    ...{ tenant, entrance, usage },
    cost: of(tenant.tier, tenant.machines),
    growth: FIRST_YEAR.map((month) => ({ month, expected: inMonth(month).total.expected })),
    shortfalls: byBoth((tier) => shortfallOf(tier, basis.preset, usage)),
    gaps: gapsOf(entrance, basis.entrance),
    byTier: byBoth((tier) => of(tier, tenant.machines).total),
    dedicatedCheaperFrom: firstWhere(
      (machines) => of("dedicated", machines).total.expected <= of("shared", machines).total.expected,
    ),
    dedicatedNecessaryFrom: necessaryFrom(basis, usageOf),
  };
}

/**
 * What tenants with so many machines would cost on a tier, for whoever asks about many. @throws as {@link quoteTenant}
 * @returns micro-dollars a month
 */
export function tierPricer(basis: QuoteBasis): (tier: Tier, machines: number) => Range {
  const priced = pricedPlatform(basis, {}, basis.entrance);
  return (tier, machines) => tierCost(priced, tier, machines, assumedUsage(machines)).total;
}

/** Costs that do not change with the tenant, priced once a quote. */
interface PricedPlatform {
  readonly basis: QuoteBasis;
  readonly platform: readonly CostLine[];
  /** Of one shared database more. */
  readonly cell: readonly CostLine[];
  readonly stacks: Readonly<Record<Tier, readonly CostLine[]>>;
  readonly assumptions: Partial<UsageAssumptions>;
  readonly entrance: Entrance;
}

function pricedPlatform(
  basis: QuoteBasis,
  assumptions: Partial<UsageAssumptions>,
  entrance: Entrance,
): PricedPlatform {
  const { book, preset, sharedCells } = basis;
  const used = useOf({ preset, entrance, assumptions, machines: 1 }, assumedUsage(1, assumptions));
  requirePrices(
    book,
    new Map([...used.map(({ price }) => [price, "its use"] as const), ...pricesOfMaterials(preset)]),
  );
  const platform = platformLines(book, preset, sharedCells);
  return {
    ...{ basis, assumptions, entrance },
    platform: byComponent(platform),
    cell: byComponent(platform.filter(({ of }) => of.includes(FIRST_CELL))),
    stacks: { shared: tenantLines(book, "shared"), dedicated: tenantLines(book, "dedicated") },
  };
}

/** A line for each: a quote looks at them a hundred times. */
function byComponent(lines: readonly CostLine[]): readonly CostLine[] {
  return [...Map.groupBy(lines, ({ component }) => component).values()].flatMap((of) =>
    of.slice(0, 1).map((first) => ({ ...first, amount: addRanges(of.map(({ amount }) => amount)) })),
  );
}

function useOf(terms: Unmetered & Pick<QuoteBasis, "preset">, usage: MonthlyUsage) {
  return [...usageCharges(usage, terms), ...unmeteredCharges(usage, terms)];
}

function tierCost(priced: PricedPlatform, tier: Tier, machines: number, usage: MonthlyUsage): TierCost {
  const { basis, stacks, entrance, assumptions } = priced;
  const { book, preset, plan, others } = basis;
  const one = { hours: HOURS_PER_MONTH, use: usage };
  const used = useOf({ preset, entrance, assumptions, machines }, usage);
  const own = [
    ...stacks[tier],
    ...(tier === "dedicated"
      ? moreVolumeCharges(usage).map((more) => lineOf(book, "data volumes", more))
      : []),
    ...used.map((charge) => lineOf(book, "use", charge)),
  ];
  const all = together(others.all, one);
  const everybody = together(all, unsold(plan, all));
  const inShared = tier === "shared" ? together(others.shared, one) : others.shared;
  const everybodyInShared = together(inShared, unsold(plan, inShared));
  const shared = sharedParts(platformFor(priced, inShared), one, (component) =>
    component === SHARED_DATABASES ? everybodyInShared : everybody,
  ).map((part) => (tier === "dedicated" && part.component === SHARED_DATABASES ? nothingOf(part) : part));
  const [marginal, share] = [totalOf(own), addRanges(shared.map(({ amount }) => amount))];
  return { own, shared, marginal, share, total: addRanges([marginal, share]) };
}

/** With as many shared databases more as it takes to hold what is stored. */
function platformFor(
  { basis: { preset, sharedCells }, platform, cell }: PricedPlatform,
  inShared: Presence,
): readonly CostLine[] {
  const more = cellsFor(inShared.use.storageBytes, preset) - Math.max(1, sharedCells);
  if (more <= 0) return platform;
  return [
    ...platform,
    ...cell.map((line) => ({ ...line, amount: mapRange(line.amount, (usd) => usd * more) })),
  ];
}

/** A tenant with a database of its own has no part of the shared ones. */
const SHARED_DATABASES: CostComponent = "time-series";

const nothingOf = (part: SharedPart): SharedPart => ({
  ...part,
  part: 0,
  amount: { low: 0, expected: 0, high: 0 },
});

/**
 * The least number of machines for which `holds`: looked for a quarter more at a time, and then exactly. A volume that is made
 * larger, or one shared database more, can turn it again above.
 */
function firstWhere(holds: (machines: number) => boolean): number | undefined {
  let [below, at] = [0, 1];
  while (!holds(at)) {
    if (at >= MOST_MACHINES) return undefined;
    [below, at] = [at, Math.min(MOST_MACHINES, Math.ceil(at * 1.25))];
  }
  while (at - below > 1) {
    const middle = Math.floor((below + at) / 2);
    if (holds(middle)) at = middle;
    else below = middle;
  }
  return at;
}

function necessaryFrom(
  { limits, preset }: QuoteBasis,
  usageOf: (machines: number) => MonthlyUsage,
): Quote["dedicatedNecessaryFrom"] {
  const reached = (reason: string, limit: number | undefined, valueOf: (usage: MonthlyUsage) => number) => {
    const machines = limit === undefined ? undefined : firstWhere((count) => valueOf(usageOf(count)) > limit);
    return machines === undefined ? [] : [{ machines, because: `${reason} above ${limit}` }];
  };
  const days = SECONDS_PER_MONTH / 86_400;
  const storageGb = Math.min(limits.storageGb ?? Infinity, sharedRoomGb(preset));
  return [
    ...reached("GB a day", limits.ingestedGbPerDay, ({ logBytes }) => logBytes / BYTES_PER_GB / days),
    ...reached("queries a second", limits.queriesPerSecond, ({ queries }) => queries / SECONDS_PER_MONTH),
    ...reached("GB stored", storageGb, ({ storageBytes }) => storageBytes / BYTES_PER_GB),
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
