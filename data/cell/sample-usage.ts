import { tenantNames, type TenantId } from "../../model/tenant.ts";
import type { Queryable } from "../pool.ts";
import { readEdition } from "./edition.ts";
import { hasStatementStatistics } from "./statement-statistics.ts";
import { OWN_QUERY } from "./read-readings.ts";

/** Statements that steer a session are no queries. */
const STEERING =
  "^\\s*(begin|start|commit|end|rollback|abort|savepoint|release|set|reset|show|discard|deallocate|close)\\M";

/**
 * Writes down what the database itself says of its tenants, in the minute of its clock: how many queries direct readers
 * made since the last sample, and, where asked, how much room the tenants take. One statement each, whatever the number
 * of tenants. Only those that are at home here are sampled.
 */
export async function sampleUsage(db: Queryable, measuresStorage: boolean): Promise<void> {
  const { rows } = await db.query<{ tenant: TenantId }>(
    "select tenant from millwright.fence where role = 'primary' order by tenant",
  );
  const tenants = rows.map(({ tenant }) => tenant);
  if (tenants.length === 0) return;
  if (await hasStatementStatistics(db)) await sampleDirectQueries(db, tenants);
  if (measuresStorage) await sampleStorage(db, tenants);
}

/**
 * Statistics only grow, until they are reset or their rarest statements pushed out: then what is there counts. A tenant's
 * first sample counts nothing: nobody knows how old its statistics are.
 */
async function sampleDirectQueries(db: Queryable, tenants: readonly TenantId[]): Promise<void> {
  const readers = tenants.map((tenant) => tenantNames(tenant).reader);
  await db.query(
    `with said as (
       select tenant, coalesce(sum(calls), 0)::bigint as query_count, coalesce(sum(total_exec_time), 0) as query_ms
         from unnest($1::text[], $2::text[]) as wanted (tenant, reader)
         left join pg_roles on rolname = reader
         left join millwright.pg_stat_statements s
           on s.userid = pg_roles.oid and s.dbid = (select oid from pg_database where datname = current_database())
          and s.toplevel and s.query not like $3 and s.query !~* $4
        group by tenant),
     known as (select * from millwright.reader_statistics where tenant = any($1) for update),
     kept as (
       insert into millwright.reader_statistics as old select * from said
       on conflict (tenant) do update set query_count = excluded.query_count, query_ms = excluded.query_ms
        where (old.query_count, old.query_ms) <> (excluded.query_count, excluded.query_ms))
     insert into millwright.database_usage as metered (tenant, minute, direct_query_count, direct_query_ms)
     select said.tenant, date_trunc('minute', now()),
            case when known.tenant is null then 0
                 when said.query_count >= known.query_count then said.query_count - known.query_count
                 else said.query_count end,
            case when known.tenant is null then 0
                 when said.query_ms >= known.query_ms then said.query_ms - known.query_ms
                 else said.query_ms end
       from said left join known using (tenant)
     on conflict (tenant, minute) do update
       set direct_query_count = coalesce(metered.direct_query_count, 0) + excluded.direct_query_count,
           direct_query_ms = coalesce(metered.direct_query_ms, 0) + excluded.direct_query_ms, is_collected = false`,
    [tenants, readers, `%${OWN_QUERY}%`, STEERING],
  );
}

/** Tables with their indexes and what is stored beside them, of everything in the tenant's schema. */
async function sampleStorage(db: Queryable, tenants: readonly TenantId[]): Promise<void> {
  const { rung } = await readEdition(db);
  const schemas = tenants.map((tenant) => tenantNames(tenant).schema);
  // The chunks of a hypertable lie in another schema, compressed ones too; only the extension knows them all.
  const hypertables =
    rung === "plain"
      ? ""
      : `union all select tenant, hypertable_size(format('%I.%I', schema_name, table_name)::regclass)
           from millwright.series where is_hypertable and tenant = any($1)`;
  await db.query(
    `insert into millwright.database_usage as metered (tenant, minute, storage_bytes)
     select tenant, date_trunc('minute', now()), coalesce(sum(bytes), 0)
       from (select tenant, pg_total_relation_size(c.oid) as bytes
               from unnest($1::text[], $2::text[]) as wanted (tenant, schema)
               left join pg_namespace n on nspname = schema
               left join pg_class c on relnamespace = n.oid and relkind = 'r'
                and not exists (select from millwright.series s
                                 where (s.schema_name, s.table_name, s.is_hypertable) = (schema, relname, true))
             ${hypertables}) part
      group by tenant
     on conflict (tenant, minute) do update
       set storage_bytes = excluded.storage_bytes, is_collected = false`,
    [tenants, schemas],
  );
}
