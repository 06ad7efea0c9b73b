import type { TenantId } from "../../model/tenant.ts";
import type { Queryable } from "../pool.ts";
import { notifyPlacementChanged } from "./placement.ts";

/** A cell that follows a tenant's log without being its home. */
export interface Shadow {
  readonly tenant: TenantId;
  readonly cell: string;
  /** Of the placement when it became a shadow. */
  readonly epoch: bigint;
  readonly since: Date;
  /** When it may go; undefined for the target of a move. */
  readonly until: Date | undefined;
}

/** @param graceMs - undefined: until the move ends */
export async function addShadow(
  db: Queryable,
  { tenant, cell, epoch, graceMs }: Pick<Shadow, "tenant" | "cell" | "epoch"> & { readonly graceMs?: number },
): Promise<void> {
  await db.query(
    `insert into shadow (tenant, cell, epoch, until) values ($1, $2, $3, now() + $4 * interval '1 ms')
     on conflict (tenant, cell) do nothing`,
    [tenant, cell, epoch, graceMs ?? null],
  );
  await notifyPlacementChanged(db, tenant);
}

/** @param epoch - where given, one that became a shadow at another epoch stays; @returns whether there was one */
export async function removeShadow(
  db: Queryable,
  tenant: TenantId,
  cell: string,
  epoch?: bigint,
): Promise<boolean> {
  const { rowCount } = await db.query(
    "delete from shadow where tenant = $1 and cell = $2 and ($3::bigint is null or epoch = $3)",
    [tenant, cell, epoch ?? null],
  );
  await notifyPlacementChanged(db, tenant);
  return rowCount === 1;
}

/** Whether a home that the tenant has left still follows, for the way back. */
export async function hasWayBack(db: Queryable, tenant: TenantId): Promise<boolean> {
  const { rowCount } = await db.query("select from shadow where tenant = $1 and until > now()", [tenant]);
  return rowCount === 1;
}

export async function shadowsOf(db: Queryable, tenant: TenantId): Promise<readonly Shadow[]> {
  const { rows } = await db.query<Omit<Shadow, "until"> & { readonly until: Date | null }>(
    "select tenant, cell, epoch, since, until from shadow where tenant = $1 order by cell",
    [tenant],
  );
  return rows.map((row) => ({ ...row, until: row.until ?? undefined }));
}
