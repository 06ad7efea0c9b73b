import type pg from "pg";
import { recordSystemEvent } from "./system-event.ts";
import { MillwrightError } from "../../model/errors.ts";
import type { Tier } from "../../model/tenant.ts";
import type { Queryable } from "../pool.ts";

/** A time-series database, shared or a tenant's own. */
export interface Cell {
  readonly name: string;
  readonly tier: Tier;
  readonly tenantCapacity: number;
}

/** Makes the cell known, or changes its capacity. */
export async function registerCell(db: Queryable, { name, tier, tenantCapacity }: Cell): Promise<void> {
  const { rows } = await db.query<{ is_new: boolean }>(
    `insert into cell (name, tier, tenant_capacity) values ($1, $2, $3)
     on conflict (name) do update set tenant_capacity = excluded.tenant_capacity returning xmax = 0 as is_new`,
    [name, tier, tenantCapacity],
  );
  if (rows[0]?.is_new) await recordCellAdded(db, name, tier);
}

async function recordCellAdded(db: Queryable, cell: string, tier: Tier): Promise<void> {
  await recordSystemEvent(db, { kind: "cell.added", detail: { cell, tier } });
}

/** SQL: how many tenants the cell `c` holds; what they are leaving, or coming to, takes its place as well. */
const PLACES_TAKEN = `select count(*) from (
    select p.tenant from tenant_placement p where p.cell = c.name
    union select m.tenant from tenant_move m
           where c.name in (m.source_cell, m.target_cell) and m.state not in ('abandoned', 'finished')) taken`;

export async function listCells(db: Queryable): Promise<(Cell & { readonly tenantCount: number })[]> {
  const { rows } = await db.query<{
    name: string;
    tier: Tier;
    tenant_capacity: number;
    tenant_count: bigint;
  }>(
    `select name, tier, tenant_capacity,
            (${PLACES_TAKEN}) as tenant_count from cell c order by name`,
  );
  return rows.map((row) => ({
    name: row.name,
    tier: row.tier,
    tenantCapacity: row.tenant_capacity,
    tenantCount: Number(row.tenant_count),
  }));
}

/**
 * The shared cell with the most room, locked until the transaction ends, so that two tenants cannot take the last place.
 * @param choice - `wanted`: this one or none; `except`: not this one
 * @throws MillwrightError `no-capacity`
 */
export async function claimSharedCell(
  tx: pg.PoolClient,
  { wanted, except }: { readonly wanted?: string | undefined; readonly except?: string } = {},
): Promise<string> {
  // Lock first, count in a statement of its own: a count taken in the locking statement may be older than the lock.
  const locked = await tx.query<{ name: string }>(
    "select name from cell where tier = 'shared' order by name for update",
  );
  const { rows } = await tx.query<{ name: string }>(
    `select name from cell c cross join lateral (${PLACES_TAKEN}) as places (used)
      where name = any($1) and used < tenant_capacity and name = coalesce($2, name) and name is distinct from $3
      order by tenant_capacity - used desc, name limit 1`,
    [locked.rows.map(({ name }) => name), wanted ?? null, except ?? null],
  );
  if (rows[0] === undefined) {
    const which = wanted === undefined ? "No shared cell has room" : `The shared cell ${wanted} has no room`;
    throw new MillwrightError("no-capacity", `${which}; add one to the platform stack.`, { retryable: true });
  }
  return rows[0].name;
}

/**
 * Makes a tenant's own cell known. Of `servers` (host:port/database of empty servers that the operator offers) it claims
 * one that no other cell has; with an empty list the cell is built, not claimed.
 * @returns the claimed server
 * @throws MillwrightError `no-capacity` when every server is taken
 */
export async function claimDedicatedCell(
  tx: pg.PoolClient,
  name: string,
  servers: readonly string[],
): Promise<string | undefined> {
  const { rowCount } = await tx.query(
    "insert into cell (name, tier, tenant_capacity) values ($1, 'dedicated', 1) on conflict do nothing",
    [name],
  );
  if (rowCount === 1) await recordCellAdded(tx, name, "dedicated");
  if (servers.length === 0) return undefined;
  // One claim at a time. Locking rows is not enough: two claims do not see each other's new cell.
  await tx.query("select pg_advisory_xact_lock(hashtext('millwright.cell-servers'))");
  const { rows } = await tx.query<{ server: string }>(
    `update cell set server = coalesce(server, (
        select s from unnest($2::text[]) s where not exists (select from cell c where c.server = s) limit 1))
      where name = $1 returning server`,
    [name, servers],
  );
  const server = rows[0]?.server as string | null | undefined;
  if (server === undefined || server === null) {
    throw new MillwrightError(
      "no-capacity",
      "Every server of TIMESCALE_CELL_URLS is taken by a dedicated tenant.",
      { retryable: true },
    );
  }
  return server;
}

/** Where a cell stands. */
export interface CellSite {
  readonly cell: string;
  readonly tier: Tier;
  /** `host:port/database` of the external server; undefined for one that we build. */
  readonly server: string | undefined;
}

/** In the order of `names`; a cell that is not known is left out. */
export async function cellSites(db: Queryable, names: readonly string[]): Promise<readonly CellSite[]> {
  const { rows } = await db.query<{ cell: string; tier: Tier; server: string | null }>(
    "select name as cell, tier, server from cell where name = any($1) order by array_position($1, name)",
    [names],
  );
  return rows.map((row) => ({ ...row, server: row.server ?? undefined }));
}

/** Forgets a dedicated cell; a shared one stays. */
export async function removeDedicatedCell(tx: Queryable, name: string): Promise<void> {
  await tx.query("delete from cell where name = $1 and tier = 'dedicated'", [name]);
}
