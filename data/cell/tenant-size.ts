import { tenantNames, type TenantId } from "../../model/tenant.ts";
import type { Queryable } from "../pool.ts";
import { readEdition } from "./edition.ts";

/** How much a tenant's schema holds, about. */
export interface TenantSize {
  readonly rowCount: number;
  /** On disk, with indexes; compressed where it is. */
  readonly byteCount: number;
}

/** Of the usual row of a machine's reading, where a table was never analyzed. */
const ROWS_PER_PAGE = 70;

/** By what the statistics say, and so in milliseconds, whatever the size. */
export async function tenantSize(db: Queryable, tenant: TenantId): Promise<TenantSize> {
  const { rung } = await readEdition(db);
  const { rows } = await db.query<TenantSize>(
    `with part as (${PARTS[rung]}),
          measured as (
            select compressed_rows + coalesce(pg_relation_size(oid), 0) / current_setting('block_size')::float8 *
                     case when reltuples > 0 and relpages > 0 then reltuples / relpages else $2 end as row_count,
                   compressed_bytes + coalesce(pg_total_relation_size(oid), 0) as byte_count
              from part join pg_class using (oid))
     select coalesce(round(sum(row_count)), 0)::float8 as "rowCount",
            coalesce(sum(byte_count), 0)::float8 as "byteCount"
       from measured`,
    [tenantNames(tenant).schema, ROWS_PER_PAGE],
  );
  return rows[0] ?? { rowCount: 0, byteCount: 0 };
}

const NATIVE = `select oid, 0 as compressed_rows, 0 as compressed_bytes from pg_class
  where relnamespace = to_regnamespace($1) and relkind = 'r'`;

// A compressed chunk keeps its rows in a table of its own, of which only the extension knows how many they are.
const CHUNKS = `select format('%I.%I', k.schema_name, k.table_name)::regclass::oid as oid,
         coalesce(s.numrows_pre_compression, 0) as compressed_rows,
         coalesce(s.compressed_heap_size + s.compressed_toast_size + s.compressed_index_size, 0) as compressed_bytes
    from _timescaledb_catalog.hypertable h
    join _timescaledb_catalog.chunk k on k.hypertable_id = h.id and not k.dropped
    left join _timescaledb_catalog.compression_chunk_size s on s.chunk_id = k.id
   where h.schema_name = $1`;

const PARTS = { plain: NATIVE, "timescaledb-apache": CHUNKS, "timescaledb-community": CHUNKS };
