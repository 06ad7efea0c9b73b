import pg from "pg";
import { identifier } from "./pool.ts";
import { scramVerifier } from "./scram.ts";

/**
 * Makes a role that may log in with `password`, or gives it that password; it never passes by row-level security.
 * Idempotent. @param admin - of somebody who may create roles
 */
export async function ensureLogin(admin: pg.ClientBase, role: string, password: string): Promise<void> {
  const { rows } = await admin.query<{ rolbypassrls: boolean }>(
    "select rolbypassrls from pg_roles where rolname = $1",
    [role],
  );
  const verb = rows.length === 0 ? "create" : "alter";
  // Only where it has to change: an administrator who is no superuser, as on RDS, may not even repeat the attribute.
  const limit = rows[0]?.rolbypassrls === true ? "nobypassrls" : "";
  const verifier = pg.escapeLiteral(scramVerifier(password));
  await admin.query(`${verb} role ${identifier(role)} login ${limit} password ${verifier}`);
}
