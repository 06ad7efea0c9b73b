import pg from "pg";
import { clientConfig, identifier, sqlState, type DatabaseAddress } from "./pool.ts";

const DUPLICATE_DATABASE = "42P04";
const UNIQUE_VIOLATION = "23505"; // two creators at the same moment meet in pg_database's index

/** Creates `database` on the server of `admin` unless it is there. Whoever may connect is named later, one by one. */
export async function createDatabase(admin: DatabaseAddress, database: string): Promise<void> {
  const client = new pg.Client(clientConfig(admin));
  await client.connect();
  try {
    const { rowCount } = await client.query("select from pg_database where datname = $1", [database]);
    if (rowCount === 0) await client.query(`create database ${identifier(database)}`).catch(unlessThere);
    const { rowCount: openCount } = await client.query(
      `select from pg_database where datname = $1 and pg_has_role(datdba, 'usage')
          and has_database_privilege('public', datname, 'connect')`,
      [database],
    );
    if (openCount === 1) await client.query(`revoke all on database ${identifier(database)} from public`);
  } finally {
    await client.end();
  }
}

function unlessThere(error: unknown): void {
  const state = sqlState(error);
  if (state !== DUPLICATE_DATABASE && state !== UNIQUE_VIOLATION) throw error;
}
