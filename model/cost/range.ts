/** A figure that is not known for sure: what it is expected to be, and between what it lies. */
export interface Range {
  readonly low: number;
  readonly expected: number;
  readonly high: number;
}

export const exactly = (value: number): Range => ({ low: value, expected: value, high: value });

/** The same computation at each of the three figures; it must not fall where its input rises. */
export function mapRange(range: Range, compute: (value: number) => number): Range {
  return { low: compute(range.low), expected: compute(range.expected), high: compute(range.high) };
}

/** As if all were low together, or high: the widest that the sum can be. */
export function addRanges(ranges: readonly Range[]): Range {
  const sum = (of: keyof Range) => ranges.reduce((total, range) => total + range[of], 0);
  return { low: sum("low"), expected: sum("expected"), high: sum("high") };
}
