import type pg from "pg";
import { inTransaction, type Queryable } from "../pool.ts";
import { HELD_MINUTES, KEPT_MINUTES, lockRollup } from "./usage-minute.ts";

/** A bill may be asked about for a year after its month. */
const KEPT_ROLLUPS = "13 months";

const SUMS = [
  ...["row_count", "byte_count", "query_count", "query_ms", "direct_query_count", "direct_query_ms"],
  ...["violation_count", "cell_query_ms"],
];
const PEAKS = ["storage_bytes", "held_query_count"];
const COLUMNS = [...SUMS, ...PEAKS];

/**
 * Sums up every hour of which a minute was written, and its day. An hour is always computed anew from all its minutes,
 * of all tenants: what came late corrects it, and the share of a cell's time is of one look at all of them.
 * @returns how many hours were summed up
 */
export async function rollUpUsage(service: pg.Pool): Promise<number> {
  let count = 0;
  while (await rollUpHour(service)) count++;
  return count;
}

function rollUpHour(service: pg.Pool): Promise<boolean> {
  return inTransaction(service, async (tx) => {
    // The mark goes first and under the lock: whoever writes a minute later marks the hour again.
    await lockRollup(tx);
    const { rows } = await tx.query<{ hour: Date }>(
      `delete from usage_dirty_hour where hour = (select min(hour) from usage_dirty_hour where hour <= now())
       returning hour`,
    );
    const hour = rows[0]?.hour;
    if (hour === undefined) return false;
    await tx.query(
      `with metered as (
         select * from usage_minute
          where minute >= $1 and minute < $1::timestamptz + interval '1 hour'),
       summed as (
         select tenant, sum(row_count) as row_count, sum(byte_count) as byte_count, sum(query_count) as query_count,
                sum(query_ms) as query_ms, sum(direct_query_count) as direct_query_count,
                sum(direct_query_ms) as direct_query_ms, sum(violation_count) as violation_count,
                max(storage_bytes) as storage_bytes
           from metered group by tenant),
       of_cell as (
         select tenant, sum(cell_ms) as cell_query_ms
           from (select tenant, sum(sum(query_ms + coalesce(direct_query_ms, 0))) over (partition by cell) as cell_ms
                   from metered where cell <> '' group by tenant, cell) c
          group by tenant),
       rate as (
         select tenant, minute, sum(query_count + coalesce(direct_query_count, 0)) as queries from usage_minute
          where minute > $1::timestamptz - interval '${HELD_MINUTES} minutes'
            and minute < $1::timestamptz + interval '1 hour'
            and query_count + coalesce(direct_query_count, 0) > 0
          group by tenant, minute),
       held as (
         select tenant, max(least) as held_query_count
           from (select tenant, minute, count(*) over quarter as minutes, min(queries) over quarter as least
                   from rate window quarter as (partition by tenant order by minute
                     range between interval '${HELD_MINUTES - 1} minutes' preceding and current row)) q
          where minutes = ${HELD_MINUTES} and minute >= $1 group by tenant)
       insert into usage_hour (hour, tenant, ${COLUMNS.join(", ")})
       select $1, tenant, row_count, byte_count, query_count, query_ms, direct_query_count, direct_query_ms,
              violation_count, coalesce(cell_query_ms, 0), storage_bytes, coalesce(held_query_count, 0)
         from summed left join of_cell using (tenant) left join held using (tenant)
       on conflict (hour, tenant) do update set ${assignments()}`,
      [hour],
    );
    await tx.query(
      `insert into usage_day (day, tenant, ${COLUMNS.join(", ")})
       select date_trunc('day', $1::timestamptz, 'UTC'), tenant, ${SUMS.map((sum) => `sum(${sum})`).join(", ")},
              ${PEAKS.map((peak) => `max(${peak})`).join(", ")}
         from usage_hour
        where hour >= date_trunc('day', $1::timestamptz, 'UTC')
          and hour < date_trunc('day', $1::timestamptz, 'UTC') + interval '24 hours'
        group by tenant
       on conflict (day, tenant) do update set ${assignments()}`,
      [hour],
    );
    return true;
  });
}

/** Deletes what is older than it is kept. Called every minute, it finds a minute's worth. */
export async function forgetUsage(service: Queryable): Promise<void> {
  await service.query(`delete from usage_minute where minute < now() - interval '${KEPT_MINUTES}'`);
  await service.query(`delete from usage_hour where hour < now() - interval '${KEPT_ROLLUPS}'`);
  await service.query(`delete from usage_day where day < now() - interval '${KEPT_ROLLUPS}'`);
}

function assignments(): string {
  return COLUMNS.map((column) => `${column} = excluded.${column}`).join(", ");
}
