import { HOUR_MS } from "../duration.ts";

/** A month that is not named is a twelfth of a year, as AWS's own calculator has it. */
export const HOURS_PER_MONTH = 730;

/** A calendar month of UTC, `2026-11`: the clock never changes in it, so that it has whole days of 24 hours. */
export interface Month {
  readonly name: string;
  /** Milliseconds since the epoch; `toMs` is where the next one begins. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly hours: number;
}

const MONTH_NAME = /^(\d{4})-(0[1-9]|1[0-2])$/;

/** How long something stands. */
export interface Standing {
  readonly hours: number;
  /** Each calendar month is 1, whatever its length: AWS bills what is priced by the month so. */
  readonly months: number;
}

/** Of what is quoted: a month that is not named. */
export const ONE_MONTH: Standing = { hours: HOURS_PER_MONTH, months: 1 };

/** How long `[fromMs, toMs)` is; 0 where it ends before it begins. */
export function standingBetween(fromMs: number, toMs: number): Standing {
  let months = 0;
  for (let atMs = fromMs; atMs < toMs;) {
    const month = monthOf(atMs);
    const endMs = Math.min(toMs, month.toMs);
    months += (endMs - atMs) / (month.toMs - month.fromMs);
    atMs = endMs;
  }
  return { hours: Math.max(0, toMs - fromMs) / HOUR_MS, months };
}

/** undefined where the name is no month's. */
export function monthNamed(name: string): Month | undefined {
  const [, year, number] = MONTH_NAME.exec(name) ?? [];
  if (year === undefined || number === undefined) return undefined;
  const fromMs = Date.UTC(Number(year), Number(number) - 1);
  const toMs = Date.UTC(Number(year), Number(number));
  return { name, fromMs, toMs, hours: (toMs - fromMs) / HOUR_MS };
}

export function monthOf(instantMs: number): Month {
  const name = new Date(instantMs).toISOString().slice(0, 7);
  const month = monthNamed(name);
  if (month === undefined) throw new RangeError(`no month holds ${instantMs}`);
  return month;
}
