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
