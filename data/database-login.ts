import pg from "pg";
import { ensureLogin } from "./login-role.ts";
import { clientConfig, identifier, type DatabaseAddress } from "./pool.ts";

/** Makes the login, or gives it its password, and lets it make schemas in its database, which is there. Idempotent. */
export async function prepareDatabaseLogin(
  admin: DatabaseAddress,
  { user, password, database }: Pick<DatabaseAddress, "user" | "password" | "database">,
): Promise<void> {
  const client = new pg.Client(clientConfig(admin));
  await client.connect();
  try {
    await ensureLogin(client, user, password);
    await client.query(`grant create, connect on database ${identifier(database)} to ${identifier(user)}`);
  } finally {
    await client.end();
  }
}
