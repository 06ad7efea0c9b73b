/** The value below which `share` of the sample lies (nearest rank); NaN for an empty sample. */
export function quantile(sample: readonly number[], share: number): number {
  const sorted = sample.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? NaN;
}

export function round(value: number, digits = 1): number {
  return Number(value.toFixed(digits));
}
