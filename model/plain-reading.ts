import { qualityOf } from "./quality.ts";
import {
  EXTERNAL_ID,
  MAX_TEXT_LENGTH,
  MAX_TOKEN_LENGTH,
  METRICS,
  READING_TYPES,
  type MetricKind,
  type Reading,
  type ReadingType,
  type ReadingValue,
} from "./reading.ts";

/**
 * The same check as the schema's for readings in the form that devices send, without the schema: 0.5 µs instead of
 * 3 µs a reading (one core of an AMD EPYC), which is half of what ingest may take. It never refuses: whatever it does
 * not know for valid is left to the schema, and a property test holds the two together.
 *
 * @returns undefined when the schema must decide
 */
export function plainReading(raw: unknown): Reading | undefined {
  if (typeof raw !== "object" || raw === null) return undefined;
  for (const field in raw) if (!FIELDS.has(field)) return undefined;
  const { type, machineId, siteId, ts, values } = raw as Record<string, unknown>;
  const kinds = KINDS.get(type);
  if (kinds === undefined || !isId(machineId) || (siteId !== undefined && !isId(siteId))) return undefined;
  const timeMs = typeof ts === "string" ? utcStampMs(ts) : undefined;
  if (timeMs === undefined || !arePlain(values, kinds)) return undefined;
  const known = type as ReadingType;
  return { type: known, machineId, siteId, timeMs, values, quality: qualityOf(known, values) };
}

const FIELDS: ReadonlySet<string> = new Set(["type", "machineId", "siteId", "ts", "values"]);
const KINDS: ReadonlyMap<unknown, ReadonlyMap<string, MetricKind>> = new Map(
  READING_TYPES.map((type) => [type, new Map(METRICS[type].map(({ name, kind }) => [name, kind]))]),
);

const isId = (value: unknown): value is string => typeof value === "string" && EXTERNAL_ID.test(value);

function arePlain(
  values: unknown,
  kinds: ReadonlyMap<string, MetricKind>,
): values is Record<string, ReadingValue> {
  if (typeof values !== "object" || values === null) return false;
  let isEmpty = true;
  for (const name in values) {
    const kind = kinds.get(name);
    if (kind === undefined || !isOfKind((values as Record<string, unknown>)[name], kind)) return false;
    isEmpty = false;
  }
  return !isEmpty;
}

function isOfKind(value: unknown, kind: MetricKind): boolean {
  switch (kind) {
    case "number":
      return Number.isFinite(value);
    case "count":
      return Number.isSafeInteger(value) && (value as number) >= 0;
    case "token":
      return isPlainText(value, 0x20, MAX_TOKEN_LENGTH) && value !== "";
    case "text":
      return isPlainText(value, 0x01, MAX_TEXT_LENGTH);
  }
}

/** Below the surrogates, whose pairing the schema checks, and without U+007F, which only a text may have. */
function isPlainText(value: unknown, lowest: number, maxLength: number): boolean {
  if (typeof value !== "string" || value.length > maxLength) return false;
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code < lowest || code === 0x7f || code >= 0xd800) return false;
  }
  return true;
}

const ZERO = 0x30;
const DAYS_IN_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const;

/**
 * Milliseconds since the epoch of `2026-11-21T10:00:00Z` or `2026-11-21T10:00:00.123Z`; undefined for anything else,
 * also for times that do not exist.
 */
function utcStampMs(stamp: string): number | undefined {
  const hasMs = stamp.length === 24;
  if ((!hasMs && stamp.length !== 20) || stamp.charCodeAt(stamp.length - 1) !== 0x5a) return undefined;
  if (stamp[4] !== "-" || stamp[7] !== "-" || stamp[10] !== "T") return undefined;
  if (stamp[13] !== ":" || stamp[16] !== ":" || (hasMs && stamp[19] !== ".")) return undefined;
  const year = digits(stamp, 0, 4);
  const month = digits(stamp, 5, 7);
  const day = digits(stamp, 8, 10);
  const hour = digits(stamp, 11, 13);
  const minute = digits(stamp, 14, 16);
  const second = digits(stamp, 17, 19);
  const ms = hasMs ? digits(stamp, 20, 23) : 0;
  // NaN compares as false, so each condition says what must hold
  const isTime = year >= 1970 && hour <= 23 && minute <= 59 && second <= 59 && ms <= 999;
  if (!isTime || !(month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month))) return undefined;
  return Date.UTC(year, month - 1, day, hour, minute, second, ms);
}

/** NaN when one of them is no digit */
function digits(text: string, from: number, to: number): number {
  let value = 0;
  for (let i = from; i < to; i++) {
    const digit = text.charCodeAt(i) - ZERO;
    if (digit < 0 || digit > 9) return NaN;
    value = value * 10 + digit;
  }
  return value;
}

function daysIn(year: number, month: number): number {
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return month === 2 && isLeap ? 29 : (DAYS_IN_MONTH[month - 1] ?? 0);
}
