import pg from "pg";
import { clientConfig, identifier, type DatabaseAddress } from "./pool.ts";

/** Makes the login, or gives it its password, and lets it make schemas in its database, which is there. Idempotent. */
export async function prepareDatabaseLogin(
  admin: DatabaseAddress,
  { user, password, database }: Pick<DatabaseAddress, "user" | "password" | "database">,
): Promise<void> {
  const client = new pg.Client(clientConfig(admin));
  await client.connect();
  try {
    const { rowCount } = await client.query("select from pg_roles where rolname = $1", [user]);
    const verb = rowCount === 0 ? "create" : "alter";
    const role = identifier(user);
    await client.query(`${verb} role ${role} login password ${pg.escapeLiteral(password)}`);
    await client.query(`grant create, connect on database ${identifier(database)} to ${role}`);
  } finally {
    await client.end();
  }
}
