import type { CostComponent } from "./cost-line.ts";
import { usdOf, type MicroUsd } from "./money.ts";

/** The tag of stacks that belong to no tenant. */
export const SHARED_STACKS = "shared";

/** What estimate and report are matched by: whose it is, and by which price it is charged. */
export interface Charged {
  /** The tag `tenant` of the stack: an id, or `shared`. */
  readonly owner: string;
  readonly component: CostComponent;
  /** Key into the price book; of what it has no price for, the usage type as the report names it. */
  readonly price: string;
}

export interface MatchedCost extends Charged {
  readonly amount: MicroUsd;
}

export interface Compared {
  readonly estimateUsd: number;
  readonly actualUsd: number;
  /** Of the actual cost; above 0: the estimate is too high. null: nothing was paid. */
  readonly errorPercent: number | null;
}

export interface ComparedCost extends Charged, Compared {}

export interface CostComparison {
  readonly total: Compared;
  /** The largest first. */
  readonly lines: readonly ComparedCost[];
}

/** Estimate and actual cost side by side. */
export function compareCosts(
  estimate: readonly MatchedCost[],
  actual: readonly MatchedCost[],
): CostComparison {
  const sides = new Map<string, Charged & { estimate: number; actual: number }>();
  const add = (side: "estimate" | "actual", { amount, ...charged }: MatchedCost) => {
    const key = `${charged.owner} ${charged.component} ${charged.price}`;
    const known = sides.get(key) ?? { ...charged, estimate: 0, actual: 0 };
    known[side] += amount;
    sides.set(key, known);
  };
  for (const one of estimate) add("estimate", one);
  for (const one of actual) add("actual", one);
  const all = [...sides.values()];
  const sum = (side: "estimate" | "actual") => all.reduce((total, one) => total + one[side], 0);
  return {
    total: compared({ estimate: sum("estimate"), actual: sum("actual") }),
    lines: all
      .filter((one) => one.estimate !== 0 || one.actual !== 0)
      .toSorted((a, b) => Math.max(b.estimate, b.actual) - Math.max(a.estimate, a.actual))
      .map(({ estimate: of, actual: paid, ...charged }) => ({
        ...charged,
        ...compared({ estimate: of, actual: paid }),
      })),
  };
}

function compared({ estimate, actual }: Readonly<Record<"estimate" | "actual", MicroUsd>>): Compared {
  const errorPercent = actual === 0 ? null : ((estimate - actual) / actual) * 100;
  return { estimateUsd: usdOf(estimate), actualUsd: usdOf(actual), errorPercent };
}
