import { runner } from "node-pg-migrate";
import type pg from "pg";

/**
 * Brings `schema` to the newest of the SQL files in `folder` (`<time>_<verb>-<noun>.sql`), each in a transaction.
 * Concurrent callers wait for each other. The names in the files are unqualified: `schema` leads the search path.
 */
export async function migrate(client: pg.Client, folder: string, schema: string): Promise<void> {
  await runner({
    dbClient: client,
    dir: folder,
    direction: "up",
    schema,
    createSchema: true,
    migrationsTable: "schema_migration",
    checkOrder: false,
    log: () => undefined,
  });
}
