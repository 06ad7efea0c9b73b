import type { CostComponent } from "./cost-line.ts";
import { usdOf, type MicroUsd } from "./money.ts";

/** The tag of stacks that belong to no tenant. */
export const SHARED_STACKS = "shared";

/** Whose a stack is, and which part of the platform: what estimate and report are matched by. */
export interface MatchedCost {
  /** The tag `tenant` of the stack: an id, or `shared`. */
  readonly owner: string;
  readonly component: CostComponent;
  readonly amount: MicroUsd;
}

export interface Compared {
  readonly estimateUsd: number;
  readonly actualUsd: number;
  /** Of the actual cost; above 0: the estimate is too high. null: nothing was paid. */
  readonly errorPercent: number | null;
}

export interface ComparedCost extends Compared {
  readonly owner: string;
  readonly component: CostComponent;
}

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
  const sides = new Map<
    string,
    { owner: string; component: CostComponent; estimate: number; actual: number }
  >();
  const add = (side: "estimate" | "actual", { owner, component, amount }: MatchedCost) => {
    const key = `${owner} ${component}`;
    const known = sides.get(key) ?? { owner, component, estimate: 0, actual: 0 };
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
      .map(({ owner, component, ...both }) => ({ owner, component, ...compared(both) })),
  };
}

function compared({ estimate, actual }: Readonly<Record<"estimate" | "actual", MicroUsd>>): Compared {
  const errorPercent = actual === 0 ? null : ((estimate - actual) / actual) * 100;
  return { estimateUsd: usdOf(estimate), actualUsd: usdOf(actual), errorPercent };
}
