import type { ClientBase } from "pg";
import type { TenantId } from "../../model/tenant.ts";

/** What a cell says of a tenant's data. */
interface TenantCondition {
  /** The minute of the log in which the newest reading stored here was appended. */
  readonly lastStoredAt: Date | null;
  readonly openDeadLetterCount: number;
}

export async function readCondition(db: ClientBase, tenant: TenantId): Promise<TenantCondition> {
  const { rows } = await db.query<TenantCondition>(
    `select (select max(minute) from millwright.usage where tenant = $1 and row_count > 0) as "lastStoredAt",
            (select count(*) from millwright.dead_letter
              where tenant = $1 and state = 'open')::float8 as "openDeadLetterCount"`,
    [tenant],
  );
  return rows[0] ?? { lastStoredAt: null, openDeadLetterCount: 0 };
}

/** Of all tenants of the cell, and what belongs to nobody. */
export async function databaseBytes(db: ClientBase): Promise<number> {
  const { rows } = await db.query<{ bytes: number }>(
    "select pg_database_size(current_database())::float8 as bytes",
  );
  return rows[0]?.bytes ?? 0;
}
