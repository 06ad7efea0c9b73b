import pg from "pg";
import { identifier, sqlState, type DatabaseAddress } from "./pool.ts";

const DUPLICATE_DATABASE = "42P04";
const UNIQUE_VIOLATION = "23505"; // two creators at the same moment meet in pg_database's index

/** Creates `database` on the server of `admin` unless it is there. */
export async function createDatabase(admin: DatabaseAddress, database: string): Promise<void> {
  const client = new pg.Client(admin);
  await client.connect();
  try {
    const { rowCount } = await client.query("select from pg_database where datname = $1", [database]);
    if (rowCount === 0) await client.query(`create database ${identifier(database)}`);
  } catch (error) {
    const state = sqlState(error);
    if (state !== DUPLICATE_DATABASE && state !== UNIQUE_VIOLATION) throw error;
  } finally {
    await client.end();
  }
}
