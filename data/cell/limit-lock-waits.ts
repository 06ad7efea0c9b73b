import type pg from "pg";
import { identifier } from "../pool.ts";

/** Longer than any lock of ours is held; a reader that waits longer is behind somebody's maintenance. */
const LOCK_TIMEOUT = "5s";

/**
 * Ends the waits of roles that only read. Their stacks set the other limits (statements, idle transactions); of locks
 * the stacks' plugin knows nothing. Roles that have the limit stay untouched: two who alter one role at once fail.
 */
export async function limitLockWaits(client: pg.ClientBase, roles: readonly string[]): Promise<void> {
  const { rows } = await client.query<{ rolname: string }>(
    `select rolname from pg_roles
      where rolname = any($1) and not coalesce(rolconfig, '{}') @> array['lock_timeout=' || $2]`,
    [roles, LOCK_TIMEOUT],
  );
  for (const { rolname } of rows)
    await client.query(`alter role ${identifier(rolname)} set lock_timeout = '${LOCK_TIMEOUT}'`);
}
