import type pg from "pg";
import type { SeriesWidth } from "../../model/series-width.ts";
import type { Rung } from "./edition.ts";

/** Older chunks go to the columnstore; late readings of the days before still find rows that are cheap to add to. */
const COLUMNSTORE_AFTER = "7 days";
/** Volatile, but only in name: what a dashboard's query may call. */
const FOR_QUERIES = ["time_bucket_gapfill", "locf", "interpolate"];

/** Puts TimescaleDB into the database where the server has it; idempotent. Otherwise the cell is plain PostgreSQL. */
export async function installTimescale(client: pg.ClientBase): Promise<void> {
  const { rowCount } = await client.query("select from pg_available_extensions where name = 'timescaledb'");
  if (rowCount === 0) return;
  await client.query("create extension if not exists timescaledb");
  await closeFunctions(client);
}

/**
 * Everybody may call the extension's functions unless told: those that change chunks or tell the sizes of others' tables
 * rely on checks of their own, and some make none. Again at each start: a newer extension has more functions.
 */
async function closeFunctions(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query<{ routine: string }>(
    `select p.oid::regprocedure::text as routine
       from pg_proc p
       join pg_depend d on d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
       join pg_extension e on d.refclassid = 'pg_extension'::regclass and e.oid = d.refobjid
      where extname = 'timescaledb' and provolatile = 'v' and proname <> all($1)
        and has_function_privilege('public', p.oid, 'execute')`,
    [FOR_QUERIES],
  );
  if (rows.length === 0) return;
  await client.query(
    `revoke execute on routine ${rows.map(({ routine }) => routine).join(", ")} from public`,
  );
}

/** Makes an empty table a hypertable. @param table - quoted, with its schema */
export async function makeHypertable(
  client: pg.ClientBase,
  table: string,
  width: SeriesWidth,
  rung: Exclude<Rung, "plain">,
): Promise<void> {
  await client.query(
    `select create_hypertable($1::regclass, 'time', chunk_time_interval => $2::interval,
                              create_default_indexes => false)`,
    [table, `1 ${width}`],
  );
  if (rung === "timescaledb-community") await keepInColumnstore(client, table);
}

/** What only the community edition can do. */
async function keepInColumnstore(client: pg.ClientBase, table: string): Promise<void> {
  await client.query(
    `alter table ${table} set (timescaledb.compress, timescaledb.compress_segmentby = 'machine_id',
                               timescaledb.compress_orderby = 'time')`,
  );
  await client.query("select add_compression_policy($1::regclass, $2::interval)", [table, COLUMNSTORE_AFTER]);
}

/** Chunks that are made from now on cover `width`; those that are there stay. */
export async function setChunkWidth(client: pg.ClientBase, table: string, width: SeriesWidth): Promise<void> {
  await client.query("select set_chunk_time_interval($1::regclass, $2::interval)", [table, `1 ${width}`]);
}

/** Lets the jobs of a schema's hypertables (columnstore) run, or not. Of the community edition only. */
export async function schedulePolicies(
  client: pg.ClientBase,
  schema: string,
  isScheduled: boolean,
): Promise<void> {
  await client.query(
    "select alter_job(job_id, scheduled => $2) from timescaledb_information.jobs where hypertable_schema = $1",
    [schema, isScheduled],
  );
}
