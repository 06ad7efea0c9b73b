import type { MicroUsd } from "./money.ts";

/** Parts of a budget that are worth a message when they are reached. */
export const BUDGET_STEPS = [0.5, 0.8, 1] as const;
export type BudgetStep = (typeof BUDGET_STEPS)[number];

/**
 * The highest step of a budget that an amount has reached; undefined: none. Of a budget of 0 any cost at all is all of it,
 * and no cost is none.
 */
export function stepReached(amount: MicroUsd, budget: MicroUsd): BudgetStep | undefined {
  if (amount <= 0) return undefined;
  return BUDGET_STEPS.findLast((step) => amount >= budget * step);
}
