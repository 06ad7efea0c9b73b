import {
  METRICS,
  type Metric,
  type QualityClaim,
  type Reading,
  type ReadingType,
  type ReadingValue,
} from "./reading.ts";

/** How far a value can be trusted, worst last; its place in the list is its code. */
export const QUALITIES = ["good", "uncertain", "bad", "implausible"] as const;
export type Quality = (typeof QUALITIES)[number];

const BITS_PER_METRIC = 2;
const MASK = 2 ** BITS_PER_METRIC - 1;
const [BAD, IMPLAUSIBLE] = [2, 3] as const;
const NOTHING: Readonly<Record<string, QualityClaim | undefined>> = {};

interface Ranged {
  readonly name: string;
  readonly range: NonNullable<Metric["range"]>;
  /** The flag of a value outside; all bits of the metric's place, so it covers what the device says. */
  readonly bits: number;
}

const rangedOf = (type: ReadingType): readonly Ranged[] =>
  METRICS[type].flatMap(({ name, range }, place) =>
    range === undefined ? [] : { name, range, bits: IMPLAUSIBLE << (place * BITS_PER_METRIC) },
  );
const RANGED: Readonly<Record<ReadingType, readonly Ranged[]>> = {
  machine: rangedOf("machine"),
  energy: rangedOf("energy"),
  "air-quality": rangedOf("air-quality"),
  scan: rangedOf("scan"),
};

/**
 * The quality of a reading's values as one integer, {@link BITS_PER_METRIC} bits a metric in the order of `METRICS`,
 * the first in the lowest: 0 when all are good. Fifteen metrics fit an `int`. Where a device doubts a value that is
 * physically impossible too, the worse word counts.
 */
export function qualityOf(
  type: ReadingType,
  values: Readonly<Record<string, ReadingValue>>,
  claims?: Readonly<Record<string, QualityClaim | undefined>>,
): number {
  let quality = 0;
  for (const [name, claim] of Object.entries(claims ?? NOTHING)) {
    const place = METRICS[type].findIndex((metric) => metric.name === name);
    if (claim !== undefined) quality |= QUALITIES.indexOf(claim) << (place * BITS_PER_METRIC);
  }
  for (const { name, range, bits } of RANGED[type]) {
    const value = values[name] as number | undefined;
    if (value !== undefined && (value < range[0] || value > range[1])) quality |= bits;
  }
  return quality;
}

/** The metrics that are not good, by name; undefined when all are. */
export function qualityNames(
  type: ReadingType,
  quality: number,
): Readonly<Record<string, Quality>> | undefined {
  if (quality === 0) return undefined;
  const names: Record<string, Quality> = {};
  for (const [place, { name }] of METRICS[type].entries()) {
    const word = QUALITIES[codeAt(quality, place)];
    if (word !== undefined && word !== "good") names[name] = word;
  }
  return names;
}

/** The reading without the values that are bad or implausible: nobody is woken by a broken sensor. */
export function trustedReading(reading: Reading): Reading {
  const { type, values, quality } = reading;
  if (quality === 0) return reading;
  const untrusted = new Set(
    METRICS[type].flatMap(({ name }, place) => (codeAt(quality, place) >= BAD ? name : [])),
  );
  const trusted = Object.entries(values).filter(([name]) => !untrusted.has(name));
  return { ...reading, values: Object.fromEntries(trusted) };
}

function codeAt(quality: number, place: number): number {
  return (quality >>> (place * BITS_PER_METRIC)) & MASK;
}
