import type pg from "pg";
import type { TenantId } from "../../model/tenant.ts";
import { PROMISED_LATENCY_MS } from "../../model/alert-latency.ts";
import { inTransaction, type Queryable } from "../pool.ts";
import { moveProgress, progressOf } from "./usage-progress.ts";

/** What one meter counted of one tenant in one whole minute; what a meter does not measure is left out. */
export interface MeteredMinute {
  readonly tenant: TenantId;
  /** Start of the minute, milliseconds since the epoch. */
  readonly minuteMs: number;
  /** '' where no cell has a part in it. */
  readonly cell: string;
  /** `ingest`, `database`, or the id of a process that answers queries. */
  readonly meter: string;
  readonly rowCount?: number;
  readonly byteCount?: number;
  readonly queryCount?: number;
  readonly queryMs?: number;
  /** null: the database does not say */
  readonly directQueryCount?: number | null;
  readonly directQueryMs?: number | null;
  readonly storageBytes?: number | null;
}

/** Held shared by whoever writes minutes, alone by who sums up an hour: nothing is written between its look and its sum. */
const ROLLUP_LOCK = "hashtext('millwright.usage-rollup')";

/**
 * A rate counts when it was held for so long, in the hour in which that time ends. Shorter: the reports of a Monday morning
 * look like growth. Longer: a database that suffers waits longer for help.
 */
export const HELD_MINUTES = 15;

const SET_COLUMNS = [
  ...["row_count", "byte_count", "query_count", "query_ms", "direct_query_count", "direct_query_ms"],
  ...["violation_count", "storage_bytes"],
];

/** Writes minutes, each whole and never a difference: written again it is the same. Tenants that are gone are left out. */
export async function writeMinutes(service: pg.Pool, minutes: readonly MeteredMinute[]): Promise<void> {
  if (minutes.length === 0) return;
  const rows = minutes.map((one) => ({
    ...{ tenant: one.tenant, minute: new Date(one.minuteMs), cell: one.cell, meter: one.meter },
    ...{ row_count: one.rowCount ?? 0, byte_count: one.byteCount ?? 0 },
    ...{ query_count: one.queryCount ?? 0, query_ms: one.queryMs ?? 0 },
    ...{ direct_query_count: one.directQueryCount, direct_query_ms: one.directQueryMs },
    ...{ violation_count: 0, storage_bytes: one.storageBytes },
  }));
  await writing(service, (tx) =>
    upsert(tx, "select * from jsonb_populate_recordset(null::usage_minute, $1::jsonb)", [
      JSON.stringify(rows),
    ]),
  );
}

/** How long minutes are kept: for those who look into what just happened. */
export const KEPT_MINUTES = "35 days";

/** A violation is dated when the receiver took the notification; what its transaction still holds is seen next time. */
const VIOLATION_OVERLAP = "10 minutes";

/** Counts the alerts that broke the promise, minute by minute, since this was last done. */
export async function countViolations(service: pg.Pool): Promise<void> {
  await writing(service, async (tx) => {
    const since = await progressOf(tx, "violations");
    const { rows } = await tx.query<{ now: Date }>("select now() as now");
    await upsert(
      tx,
      `select date_trunc('minute', notified_at) as minute, tenant, '' as cell, 'alerts' as meter, 0::bigint as row_count,
              0::bigint as byte_count, 0::bigint as query_count, 0::float8 as query_ms, null::bigint as direct_query_count,
              null::float8 as direct_query_ms, count(*) as violation_count, null::bigint as storage_bytes
         from alert
        where latency_ms > ${PROMISED_LATENCY_MS}
          and notified_at >= date_trunc('minute', greatest($1::timestamptz - interval '${VIOLATION_OVERLAP}',
                                                           now() - interval '${KEPT_MINUTES}'))
        group by 1, 2`,
      [since ?? null],
    );
    await moveProgress(tx, "violations", rows[0]?.now ?? new Date(0));
  });
}

function writing(service: pg.Pool, work: (tx: pg.ClientBase) => Promise<void>): Promise<void> {
  return inTransaction(service, async (tx) => {
    await tx.query(`select pg_advisory_xact_lock_shared(${ROLLUP_LOCK})`);
    await work(tx);
  });
}

/** Takes the lock under which an hour is summed up, until the transaction ends. */
export async function lockRollup(tx: pg.ClientBase): Promise<void> {
  await tx.query(`select pg_advisory_xact_lock(${ROLLUP_LOCK})`);
}

/**
 * A meter's count of a minute only grows, so the larger one stands: in whatever order and however often two collectors,
 * one of them stopped for a while, write what they have read, the end is the same. Sorted, so that two never wait for each
 * other in a circle.
 */
async function upsert(db: Queryable, source: string, parameters: readonly unknown[]): Promise<void> {
  const list = (of: string) => SET_COLUMNS.map((column) => `${of}.${column}`).join(", ");
  const larger = SET_COLUMNS.map((column) => `greatest(known.${column}, excluded.${column})`).join(", ");
  await db.query(
    `with written as (
       insert into usage_minute as known (minute, tenant, cell, meter, ${SET_COLUMNS.join(", ")})
       select m.minute, m.tenant, m.cell, m.meter, ${list("m")}
         from (${source}) m join tenant using (tenant) order by 1, 2, 3, 4
       on conflict (minute, tenant, cell, meter) do update set (${SET_COLUMNS.join(", ")}) = (${larger})
        where (${list("known")}) is distinct from (${larger})
       returning minute)
     insert into usage_dirty_hour
     select distinct date_trunc('hour', at, 'UTC')
       from written, unnest(array[minute, minute + interval '${HELD_MINUTES - 1} minutes']) at
      order by 1 on conflict do nothing`,
    [...parameters],
  );
}
