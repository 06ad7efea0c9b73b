import type { Queryable } from "../pool.ts";

/**
 * Puts pg_stat_statements into our own schema where the server has loaded it: everybody may read it otherwise, and it
 * tells of other tenants how much they ask. A server that loads it later gets it at the next start.
 */
export async function installStatementStatistics(db: Queryable): Promise<void> {
  const { rowCount } = await db.query(
    `select from pg_available_extensions
      where name = 'pg_stat_statements' and installed_version is null
        and 'pg_stat_statements' = any(string_to_array(
              replace(current_setting('shared_preload_libraries'), ' ', ''), ','))`,
  );
  if (rowCount !== 0) await db.query("create extension pg_stat_statements schema millwright");
}

export async function hasStatementStatistics(db: Queryable): Promise<boolean> {
  const { rows } = await db.query<{ has: boolean }>(
    "select to_regclass('millwright.pg_stat_statements') is not null as has",
  );
  return rows[0]?.has === true;
}
