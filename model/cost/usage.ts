import { HOURS_PER_MONTH } from "./month.ts";

/** What a tenant used in a month. Bytes are as they lie there; sizes are averages of the month. */
export interface MonthlyUsage {
  /** Readings stored. */
  readonly readings: number;
  /** Of the records in the log. */
  readonly logBytes: number;
  /** Asked through the API or by the tenant's own login. */
  readonly queries: number;
  /** How long a database was busy with them. */
  readonly queryMs: number;
  readonly notifications: number;
  /** In the time-series database, with indexes. */
  readonly storageBytes: number;
  /** In the object store. */
  readonly archiveBytes: number;
}

export const NO_USAGE: MonthlyUsage = {
  ...{ readings: 0, logBytes: 0, queries: 0, queryMs: 0 },
  ...{ notifications: 0, storageBytes: 0, archiveBytes: 0 },
};

const isSize = (key: keyof MonthlyUsage) => key === "archiveBytes" || key === "storageBytes";

export function addUsage(a: MonthlyUsage, b: MonthlyUsage): MonthlyUsage {
  return mapUsage(a, (value, key) => value + b[key]);
}

/** As if so many such tenants. */
export function scaleUsage(usage: MonthlyUsage, factor: number): MonthlyUsage {
  return mapUsage(usage, (value) => value * factor);
}

/** What the same tenants use in a time that is so many times as long: sizes are averages, whatever the time. */
export function stretchUsage(usage: MonthlyUsage, factor: number): MonthlyUsage {
  return mapUsage(usage, (value, key) => (isSize(key) ? value : value * factor));
}

/** The other half: sizes that are averages over a time which is so many times as long. */
export function scaleSizes(usage: MonthlyUsage, factor: number): MonthlyUsage {
  return mapUsage(usage, (value, key) => (isSize(key) ? value * factor : value));
}

export function mapUsage(
  usage: MonthlyUsage,
  map: (value: number, key: keyof MonthlyUsage) => number,
): MonthlyUsage {
  const keys = Object.keys(NO_USAGE) as (keyof MonthlyUsage)[];
  return Object.fromEntries(keys.map((key) => [key, map(usage[key], key)])) as unknown as MonthlyUsage;
}

/** What is taken for a customer whose use nobody has measured yet; each figure can be given instead. */
export interface UsageAssumptions {
  /** Seed 000: machines report once a second. */
  readonly readingsPerMachineSecond: number;
  /** Seen: a machine's reading with five values, as JSON, in the log. */
  readonly bytesPerReading: number;
  /** Seen: a row with its indexes, before it is compressed. */
  readonly bytesPerRow: number;
  /** What compression leaves of a row. */
  readonly compressedPart: number;
  /** Seed 000: 7 days as it came, then compressed until day 30. */
  readonly hotDays: number;
  readonly warmDays: number;
  /** Seed 004 expects 5,000,000 calls a month of 30 tenants. */
  readonly queriesPerMonth: number;
  readonly msPerQuery: number;
  readonly notificationsPerMachine: number;
  /** Of those, by mail (SES) and to a topic of the customer's (SNS); the others go out as webhooks do. */
  readonly mailPart: number;
  readonly topicPart: number;
  /** How many months of compressed readings lie in the archive: none, for nothing is taken there yet. */
  readonly archiveMonths: number;
}

export const USAGE_ASSUMPTIONS: UsageAssumptions = {
  readingsPerMachineSecond: 1,
  bytesPerReading: 200,
  bytesPerRow: 250,
  compressedPart: 0.1,
  hotDays: 7,
  warmDays: 30,
  queriesPerMonth: 166_667,
  msPerQuery: 20,
  notificationsPerMachine: 10,
  mailPart: 0,
  topicPart: 0,
  archiveMonths: 0,
};

const DAYS_PER_MONTH = HOURS_PER_MONTH / 24;

/** Ages in days. */
interface DaySpan {
  readonly from: number;
  readonly to: number;
}
/**
 * What so many machines use in a month of 730 h.
 * @param month - since their first reading, 1 the first: history fills up in it; left out, it is full
 */
export function assumedUsage(
  machines: number,
  given: Partial<UsageAssumptions> = {},
  month?: number,
): MonthlyUsage {
  const known = { ...USAGE_ASSUMPTIONS, ...given };
  const readingsPerDay = machines * known.readingsPerMachineSecond * 86_400;
  const readings = readingsPerDay * DAYS_PER_MONTH;
  const compressedBytes = known.bytesPerRow * known.compressedPart;
  const daysOf = (age: DaySpan) => (month === undefined ? age.to - age.from : daysGathered(age, month));
  const hot = daysOf({ from: 0, to: known.hotDays });
  const warm = daysOf({ from: known.hotDays, to: Math.max(known.hotDays, known.warmDays) });
  return {
    readings,
    logBytes: readings * known.bytesPerReading,
    queries: known.queriesPerMonth,
    queryMs: known.queriesPerMonth * known.msPerQuery,
    notifications: machines * known.notificationsPerMachine,
    storageBytes: readingsPerDay * (hot * known.bytesPerRow + warm * compressedBytes),
    archiveBytes:
      readingsPerDay * compressedBytes * daysOf({ from: 0, to: known.archiveMonths * DAYS_PER_MONTH }),
  };
}

/** Of readings that come evenly since the first: how many days of them are of an age, on average over a month. */
function daysGathered({ from, to }: DaySpan, month: number): number {
  const halfSquare = (days: number) => Math.max(0, days) ** 2 / 2;
  const summedUpTo = (day: number) => halfSquare(day - from) - halfSquare(day - to);
  const endDay = month * DAYS_PER_MONTH;
  return (summedUpTo(endDay) - summedUpTo(endDay - DAYS_PER_MONTH)) / DAYS_PER_MONTH;
}
