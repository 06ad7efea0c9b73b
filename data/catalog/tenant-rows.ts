import type pg from "pg";
import type { TenantId } from "../../model/tenant.ts";
import { identifier } from "../pool.ts";

/** What outlives a tenant: the proof of what was done, and the generation that keeps old offsets apart from new ones. */
const KEPT = ["operation", "operation_step", "operation_event", "audit", "topic_generation"];

/**
 * Deletes everything of a tenant from the catalog, whatever table it is in: a table added later is not forgotten.
 * @returns rows by table, without the empty ones
 */
export async function removeTenantRows(
  tx: pg.PoolClient,
  tenant: TenantId,
): Promise<Readonly<Record<string, number>>> {
  const removed: Record<string, number> = {};
  for (const table of await tenantTables(tx)) {
    const { rowCount } = await tx.query(`delete from ${identifier(table)} where tenant = $1`, [tenant]);
    if (rowCount !== null && rowCount > 0) removed[table] = rowCount;
  }
  return removed;
}

/** Every table with a tenant column; those that refer to others come before them. */
async function tenantTables(tx: pg.PoolClient): Promise<string[]> {
  const { rows } = await tx.query<{ name: string; refersTo: readonly string[] }>(
    `select c.relname as name,
            array(select f.confrelid::regclass::text from pg_constraint f
                   where f.contype = 'f' and f.conrelid = c.oid and f.confrelid <> c.oid) as "refersTo"
       from pg_class c
      where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
        and exists (select from pg_attribute a
                     where a.attrelid = c.oid and a.attname = 'tenant' and not a.attisdropped)
        and c.relname <> all($1)
      order by c.relname`,
    [KEPT],
  );
  const ordered: string[] = [];
  let left = rows;
  while (left.length > 0) {
    const free = left.filter(({ name }) => !left.some(({ refersTo }) => refersTo.includes(name)));
    // a circle of foreign keys: any order, the constraints decide
    const next = free.length > 0 ? free : left;
    ordered.push(...next.map(({ name }) => name));
    left = left.filter((table) => !next.includes(table));
  }
  return ordered;
}
