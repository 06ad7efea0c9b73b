import { COST_COMPONENTS, totalOf, type CostComponent, type CostLine } from "./cost-line.ts";
import { usdOf } from "./money.ts";
import { quotaNeeds, type QuotaNeed } from "./account-quotas.ts";
import { mapRange, type Range } from "./range.ts";
import { needsOf, type Needs, type Scale } from "./scale.ts";

/** All that is assumed; each figure can be given instead of its default. USD, and a month of 730 h. */
export interface ProjectionAssumptions extends Scale {
  readonly budgetUsdPerMonth: number;
  /** What a tenant pays a month. */
  readonly priceUsdPerTenant: number;
  /** Spent before the first month. */
  readonly investmentUsd: number;
  /** People, a month, beside what the cloud costs. */
  readonly labourUsdPerMonth: number;
  readonly firstTenants: number;
  /** Tenants that come in each further month. */
  readonly tenantsPerMonth: number;
  readonly horizonMonths: number;
}

/** Defaults, and where each is from: no figure of a projection is hidden. */
export const DEFAULT_ASSUMPTIONS: {
  readonly [K in keyof ProjectionAssumptions]: {
    readonly value: ProjectionAssumptions[K];
    readonly from: string;
  };
} = {
  preset: { value: "production", from: "the size that production's stack has" },
  machinesPerTenant: { value: 15, from: "document 000: 15 machines a customer, at one reading a second" },
  tenantsPerCell: { value: 100, from: "docs/deploy-aws.md: what the first cell is registered with" },
  dedicatedTenants: { value: 0, from: "document 000 allows one, and begins with none" },
  isolatedApis: { value: 0, from: "an option of a tenant (ADR 57)" },
  topic: { value: "own", from: "the default of a tenant's creation" },
  budgetUsdPerMonth: { value: 50_000, from: "document 000" },
  priceUsdPerTenant: {
    value: 927,
    from: "no document names a price: it is what makes the 8 customers of document 000 its break-even",
  },
  investmentUsd: {
    value: 250_000,
    from: "no document names it: it is what makes the 5.3 months and 578 % of document 003 true",
  },
  labourUsdPerMonth: {
    value: 25_000,
    from: "document 004: two engineers at 150,000 a year, its lower end",
  },
  firstTenants: { value: 3, from: "document 000: 3 customers" },
  tenantsPerMonth: {
    value: 1,
    from: "nobody knows it; one a month reaches document 003's 50 customers in 4 years",
  },
  horizonMonths: { value: 36, from: "document 003: return in three years" },
};

/** Tenants of the projection where none are named: the documents' 3, 10 and 50, and what comes after. */
export const DEFAULT_TENANT_COUNTS = [3, 10, 50, 100, 1_000] as const;

/** The defaults with what is given instead. */
export function assumptionsOf(given: Partial<ProjectionAssumptions>): ProjectionAssumptions {
  const defaults = Object.entries(DEFAULT_ASSUMPTIONS).map(([name, { value }]) => [name, value] as const);
  return { ...(Object.fromEntries(defaults) as unknown as ProjectionAssumptions), ...given };
}

/** The platform at one number of tenants; USD a month. */
export interface ProjectionPoint {
  readonly tenants: number;
  readonly totalUsd: Range;
  readonly usdByComponent: Readonly<Partial<Record<CostComponent, Range>>>;
  readonly usdPerTenant: Range;
  readonly usdPerMachine: Range;
  /** What each tenant adds since the point before; null at the first. */
  readonly marginalUsdPerTenant: number | null;
  readonly isWithinBudget: boolean;
  /** What the tenants pay less the cloud and the people. */
  readonly resultUsd: Range;
  readonly needs: Needs;
  readonly quotas: readonly QuotaNeed[];
}

export interface Projection {
  readonly assumptions: ProjectionAssumptions;
  readonly points: readonly ProjectionPoint[];
  readonly breakEven: {
    /** The first number of tenants that pays for cloud and people, at the expected cost and at the highest. */
    readonly tenants: number | null;
    readonly tenantsAtHighCost: number | null;
    /** The month, counted from 1, in which the investment has come back; null: not within the horizon. */
    readonly paidBackInMonth: number | null;
  };
  /** Of the horizon, at the expected cost. */
  readonly returnOnInvestment: {
    readonly resultUsd: number;
    readonly tenantsAtEnd: number;
    /** (result - investment) / investment, as a ratio; null without an investment. */
    readonly ratio: number | null;
  };
}

/** Beyond it nobody would call it a break-even. */
const MOST_TENANTS = 2_000;

/** @param costOf - lines of the platform with so many tenants, in a month */
export function project(
  assumptions: ProjectionAssumptions,
  tenantCounts: readonly number[],
  costOf: (tenants: number) => readonly CostLine[],
): Projection {
  const totals = new Map<number, Range>();
  const totalUsd = (tenants: number): Range => {
    const known = totals.get(tenants) ?? mapRange(totalOf(costOf(tenants)), usdOf);
    totals.set(tenants, known);
    return known;
  };
  const counts = [...new Set(tenantCounts)].toSorted((a, b) => a - b);
  const points = counts.map((tenants, index) => {
    const before = counts[index - 1];
    const grown = before === undefined ? null : totalUsd(tenants).expected - totalUsd(before).expected;
    const marginal = before === undefined || grown === null ? null : grown / (tenants - before);
    return pointOf(assumptions, tenants, costOf(tenants), marginal);
  });
  return {
    assumptions,
    points,
    breakEven: {
      tenants: firstPaying(assumptions, (tenants) => totalUsd(tenants).expected),
      tenantsAtHighCost: firstPaying(assumptions, (tenants) => totalUsd(tenants).high),
      ...payback(assumptions, (tenants) => totalUsd(tenants).expected),
    },
    returnOnInvestment: returnOf(assumptions, (tenants) => totalUsd(tenants).expected),
  };
}

function pointOf(
  assumptions: ProjectionAssumptions,
  tenants: number,
  lines: readonly CostLine[],
  marginalUsdPerTenant: number | null,
): ProjectionPoint {
  const total = mapRange(totalOf(lines), usdOf);
  const needs = needsOf(assumptions, tenants);
  const income = tenants * assumptions.priceUsdPerTenant - assumptions.labourUsdPerMonth;
  const components = COST_COMPONENTS.flatMap((component) => {
    const own = lines.filter((line) => line.component === component);
    return own.length === 0 ? [] : [[component, mapRange(totalOf(own), usdOf)] as const];
  });
  return {
    tenants,
    totalUsd: total,
    usdByComponent: Object.fromEntries(components),
    usdPerTenant: mapRange(total, (usd) => usd / tenants),
    usdPerMachine: mapRange(total, (usd) => usd / (tenants * assumptions.machinesPerTenant)),
    marginalUsdPerTenant,
    isWithinBudget: total.high <= assumptions.budgetUsdPerMonth,
    // The result is lowest where the cost is highest.
    resultUsd: { low: income - total.high, expected: income - total.expected, high: income - total.low },
    needs,
    quotas: quotaNeeds(assumptions, tenants, needs),
  };
}

type CostUsd = (tenants: number) => number;

/** What is left of a month with so many tenants, USD. */
function resultOf({ priceUsdPerTenant, labourUsdPerMonth }: ProjectionAssumptions, costUsd: CostUsd) {
  return (tenants: number) => tenants * priceUsdPerTenant - labourUsdPerMonth - costUsd(tenants);
}

function firstPaying(assumptions: ProjectionAssumptions, costUsd: CostUsd): number | null {
  const result = resultOf(assumptions, costUsd);
  for (let tenants = 1; tenants <= MOST_TENANTS; tenants++) if (result(tenants) >= 0) return tenants;
  return null;
}

/** Tenants in a month, counted from 1. */
function tenantsIn({ firstTenants, tenantsPerMonth }: ProjectionAssumptions, month: number): number {
  return Math.floor(firstTenants + tenantsPerMonth * (month - 1));
}

function payback(assumptions: ProjectionAssumptions, costUsd: CostUsd): { paidBackInMonth: number | null } {
  const result = resultOf(assumptions, costUsd);
  let gathered = -assumptions.investmentUsd;
  for (let month = 1; month <= assumptions.horizonMonths; month++) {
    gathered += result(tenantsIn(assumptions, month));
    if (gathered >= 0) return { paidBackInMonth: month };
  }
  return { paidBackInMonth: null };
}

function returnOf(assumptions: ProjectionAssumptions, costUsd: CostUsd): Projection["returnOnInvestment"] {
  const { horizonMonths, investmentUsd } = assumptions;
  const result = resultOf(assumptions, costUsd);
  const months = Array.from({ length: horizonMonths }, (_, index) => tenantsIn(assumptions, index + 1));
  const resultUsd = months.reduce((total, tenants) => total + result(tenants), 0);
  return {
    resultUsd,
    tenantsAtEnd: months.at(-1) ?? 0,
    ratio: investmentUsd === 0 ? null : (resultUsd - investmentUsd) / investmentUsd,
  };
}
