/**
 * Money in whole micro-dollars (1 USD = 1,000,000): sums of them are exact up to nine billion dollars, so that the lines of
 * a bill add up to its total however they are grouped.
 */
export type MicroUsd = number;

const MICRO_PER_USD = 1_000_000;
export const MICRO_PER_CENT: MicroUsd = 10_000;

/** Rounded to the nearest micro-dollar. */
export function microUsd(usd: number): MicroUsd {
  return Math.round(usd * MICRO_PER_USD);
}

export function usdOf(amount: MicroUsd): number {
  return amount / MICRO_PER_USD;
}

/**
 * Splits an amount into whole units by weights, and never loses one: each share is cut off below, and the units left over
 * go to the largest remainders (Hamilton's method), the first of equal ones first. Without any weight it is split evenly.
 * @param amount - whole units, cents or micro-dollars; may be negative (a credit)
 * @param weights - one a share, none negative
 * @throws RangeError when there is nobody to take a share
 */
export function splitExactly(amount: number, weights: readonly number[]): number[] {
  if (weights.length === 0) throw new RangeError("nobody to split the amount among");
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const parts = sum > 0 ? weights.map((weight) => weight / sum) : weights.map(() => 1 / weights.length);
  const exact = parts.map((part) => Math.abs(amount) * part);
  const shares = exact.map((share) => ({ whole: Math.floor(share), remainder: share % 1 }));
  const left = Math.abs(amount) - shares.reduce((total, { whole }) => total + whole, 0);
  const byRemainder = shares.toSorted((a, b) => b.remainder - a.remainder);
  for (const share of byRemainder.slice(0, Math.max(0, left))) share.whole += 1;
  // Floating point can lift a share that is whole but for its last bit: that unit goes back to the smallest remainders.
  const lifted = left < 0 ? byRemainder.filter(({ whole }) => whole > 0).slice(left) : [];
  for (const share of lifted) share.whole -= 1;
  return shares.map(({ whole }) => (amount < 0 ? -whole : whole));
}
