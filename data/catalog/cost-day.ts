import type { Tenancy } from "../../model/cost/bill.ts";
import type { DayAmount } from "../../model/cost/forecast.ts";
import type { MicroUsd } from "../../model/cost/money.ts";
import { DAY_MS } from "../../model/duration.ts";
import type { Queryable } from "../pool.ts";

/** What a tenancy came to on a day. */
export interface DayCost extends Tenancy {
  readonly amount: MicroUsd;
}

/** What a day came to. */
export interface DayBill {
  /** With what no tenant pays. */
  readonly total: MicroUsd;
  readonly tenants: readonly DayCost[];
}

/** A chart of a year, and two of the same season to compare. */
const KEPT_DAYS = 400;

/** Keeps what a day came to, in place of what was kept of it before. @param dayMs - its start */
export async function keepDay(tx: Queryable, dayMs: number, { total, tenants }: DayBill): Promise<void> {
  const day = dayOf(dayMs);
  await tx.query(
    `insert into cost_day (day, about_tenant, since, amount)
     select $1, tenant, since, amount from jsonb_to_recordset($2) as c (tenant text, since timestamptz, amount bigint)
     on conflict (about_tenant, since, day) do update set amount = excluded.amount`,
    [day, JSON.stringify(tenants)],
  );
  await tx.query(
    "insert into cost_day_total (day, amount) values ($1, $2) on conflict (day) do update set amount = excluded.amount",
    [day, total],
  );
  for (const table of ["cost_day", "cost_day_total"])
    await tx.query(`delete from ${table} where day < $1::date - $2::int`, [day, KEPT_DAYS]);
}

/** Start of the newest day that is kept. */
export async function lastKeptDayMs(service: Queryable): Promise<number | undefined> {
  const { rows } = await service.query<{ ms: number | null }>(
    "select extract(epoch from max(day))::float8 * 1000 as ms from cost_day",
  );
  return rows[0]?.ms ?? undefined;
}

/** Days of a tenancy, oldest first. @param fromMs, toMs - starts of days; `toMs` is exclusive */
export async function daysOf(
  service: Queryable,
  { tenant, since }: Tenancy,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): Promise<readonly { readonly dayMs: number; readonly amount: MicroUsd }[]> {
  const { rows } = await service.query<{ dayMs: number; amount: MicroUsd }>(
    `select extract(epoch from day)::float8 * 1000 as "dayMs", amount::float8 from cost_day
      where about_tenant = $1 and since = $2 and day >= $3 and day < $4 order by day`,
    [tenant, since, dayOf(fromMs), dayOf(toMs)],
  );
  return rows;
}

/** Days of all tenancies that were there on the last one, by tenancy, oldest first. */
export async function daysUntil(
  service: Queryable,
  lastDayMs: number,
  dayCount: number,
): Promise<readonly (Tenancy & { readonly days: readonly { dayMs: number; amount: MicroUsd }[] })[]> {
  const { rows } = await service.query<{
    tenant: string;
    since: Date;
    days: { dayMs: number; amount: MicroUsd }[];
  }>(
    `select about_tenant as tenant, since,
            json_agg(json_build_object('dayMs', extract(epoch from day) * 1000, 'amount', amount) order by day) as days
       from cost_day where day > $1::date - $2::int and day <= $1
      group by 1, 2 having max(day) = $1`,
    [dayOf(lastDayMs), dayCount],
  );
  return rows.map(({ tenant, since, days }) => ({ tenant, since: since.toISOString(), days }));
}

/** What all came to on each day, tenants that are gone and the platform's own part included, oldest first. */
export async function totalsUntil(
  service: Queryable,
  lastDayMs: number,
  dayCount: number,
): Promise<readonly DayAmount[]> {
  const { rows } = await service.query<DayAmount>(
    `select extract(epoch from day)::float8 * 1000 as "dayMs", amount::float8 from cost_day_total
      where day > $1::date - $2::int and day <= $1 order by day`,
    [dayOf(lastDayMs), dayCount],
  );
  return rows;
}

function dayOf(ms: number): string {
  return new Date(Math.floor(ms / DAY_MS) * DAY_MS).toISOString().slice(0, 10);
}
