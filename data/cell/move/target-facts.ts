import type pg from "pg";
import type { ServerFacts } from "../../../model/target-gate.ts";
import { tenantNames, type TenantId } from "../../../model/tenant.ts";
import { TENANT_TABLES } from "../tenant-tables.ts";

/** What the server of a cell is, also of one that is not prepared yet. */
export async function serverFacts(db: pg.Client): Promise<ServerFacts> {
  const { rows } = await db.query<ServerFacts>(
    `select current_setting('server_version_num')::int / 10000 as "postgresMajor",
            (select coalesce(installed_version, default_version) from pg_available_extensions
              where name = 'timescaledb') as "timescaleVersion",
            current_setting('timescaledb.license', true) as "timescaleLicense"`,
  );
  if (rows[0] === undefined) throw new Error("a select without from has one row");
  return rows[0];
}

/** What a cell has of a tenant that is not at home there. @returns the tables, with their schema */
export async function leftovers(db: pg.Client, tenant: TenantId): Promise<readonly string[]> {
  const { schema } = tenantNames(tenant);
  const { rows: series } = await db.query<{ name: string }>(
    `select format('%I.%I', $1::text, relname) as name from pg_class
      where relnamespace = to_regnamespace($1) and relkind in ('r', 'p', 'v', 'm', 'f') and not relispartition
      order by 1`,
    [schema],
  );
  // A cell that is not prepared yet lacks the tables.
  const { rows: known } = await db.query<{ name: string }>(
    "select name from unnest($1::text[]) name where to_regclass('millwright.' || name) is not null",
    [TENANT_TABLES],
  );
  const found = series.map(({ name }) => name);
  for (const { name } of known) {
    const { rowCount } = await db.query(`select from millwright.${name} where tenant = $1 limit 1`, [tenant]);
    if (rowCount === 1) found.push(`millwright.${name}`);
  }
  return found;
}
