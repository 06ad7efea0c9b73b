import type { TenantId } from "../../model/tenant.ts";
import type { Queryable } from "../pool.ts";
import type { Usage } from "./usage.ts";

/** What a database said of one tenant in one minute. */
export interface DatabaseUsage {
  readonly tenant: TenantId;
  readonly minuteMs: number;
  /** null: the database has no statistics of statements */
  readonly directQueryCount: number | null;
  readonly directQueryMs: number | null;
  /** null: not measured in this minute */
  readonly storageBytes: number | null;
}

/** Some of the minutes that changed since they were collected, each with all its rows. */
export interface UncollectedUsage {
  readonly ingested: readonly Usage[];
  readonly database: readonly DatabaseUsage[];
}

/** The numbers are doubles: a minute's counts are far below 2 ** 53. */
const COUNTS = 'row_count::float8 as "rowCount", byte_count::float8 as "byteCount"';
const SAMPLES = `direct_query_count::float8 as "directQueryCount", direct_query_ms as "directQueryMs",
                 storage_bytes::float8 as "storageBytes"`;
const MINUTE = 'extract(epoch from minute)::float8 * 1000 as "minuteMs"';

/** @param beforeMs - the minute that is still open is left alone; @param limit - minutes of tenants, of each kind */
export async function uncollectedUsage(
  db: Queryable,
  beforeMs: number,
  limit: number,
): Promise<UncollectedUsage> {
  const before = new Date(beforeMs);
  const { rows: ingested } = await db.query<Usage>(
    `select tenant, ${MINUTE}, topic, partition, ${COUNTS}
       from millwright.usage
       join (select distinct tenant, minute from millwright.usage
              where not is_collected and minute < $1 order by minute limit $2) changed using (tenant, minute)`,
    [before, limit],
  );
  const { rows: database } = await db.query<DatabaseUsage>(
    `select tenant, ${MINUTE}, ${SAMPLES} from millwright.database_usage
      where not is_collected and minute < $1 order by minute limit $2`,
    [before, limit],
  );
  return { ingested, database };
}

/**
 * Marks what has been summed up, unless it has changed meanwhile. Rows that ingest holds are skipped, not waited for: the
 * collector takes many rows in its own order, and the two would wait for each other.
 */
export async function markCollected(db: Queryable, { ingested, database }: UncollectedUsage): Promise<void> {
  await db.query(
    `update millwright.usage set is_collected = true
       from (select tenant, minute, topic, partition from millwright.usage
               join unnest($1::text[], $2::float8[], $3::text[], $4::int[], $5::bigint[], $6::bigint[])
                    as seen (tenant, minute_s, topic, partition, row_count, byte_count)
              using (tenant, topic, partition, row_count, byte_count)
              where minute = to_timestamp(minute_s) and not is_collected for update of usage skip locked) taken
      where (usage.tenant, usage.minute, usage.topic, usage.partition)
            = (taken.tenant, taken.minute, taken.topic, taken.partition)`,
    [
      ingested.map(({ tenant }) => tenant),
      ingested.map(({ minuteMs }) => minuteMs / 1000),
      ingested.map(({ topic }) => topic),
      ingested.map(({ partition }) => partition),
      ingested.map(({ rowCount }) => rowCount),
      ingested.map(({ byteCount }) => byteCount),
    ],
  );
  await db.query(
    `update millwright.database_usage known set is_collected = true
       from unnest($1::text[], $2::float8[], $3::bigint[], $4::float8[], $5::bigint[])
            as seen (tenant, minute_s, direct_query_count, direct_query_ms, storage_bytes)
      where known.tenant = seen.tenant and known.minute = to_timestamp(minute_s)
        and (known.direct_query_count, known.direct_query_ms, known.storage_bytes)
            is not distinct from (seen.direct_query_count, seen.direct_query_ms, seen.storage_bytes)`,
    [
      database.map(({ tenant }) => tenant),
      database.map(({ minuteMs }) => minuteMs / 1000),
      database.map(({ directQueryCount }) => directQueryCount),
      database.map(({ directQueryMs }) => directQueryMs),
      database.map(({ storageBytes }) => storageBytes),
    ],
  );
}
