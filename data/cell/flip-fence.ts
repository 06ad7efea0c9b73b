import { setTimeout as delay } from "node:timers/promises";
import type pg from "pg";
import { FLIP_LIMIT_MS, open, raise, shadow, type Fence, type FenceRole } from "../../model/flip.ts";
import type { TenantId } from "../../model/tenant.ts";
import { asCellAdmin } from "./cell-admin.ts";
import type { CellSecret } from "./cell-secret.ts";
import { lockTenant } from "./fence.ts";

/** Writers commit within some 100 ms; one that takes longer stands still, and its transaction is worth less than the wait. */
const PATIENCE_MS = 500;
const AS_MOVER = {
  applicationName: "millwright-mover",
  lockTimeoutMs: FLIP_LIMIT_MS,
  statementTimeoutMs: FLIP_LIMIT_MS,
};

/** A connection to change fences with: to be opened before a flip begins, for the tenant's writers wait for its steps. */
export function asFlipper<T>(secret: CellSecret, work: (client: pg.Client) => Promise<T>): Promise<T> {
  return asCellAdmin(secret, AS_MOVER, work);
}

/**
 * See {@link raise}. When it answers, nobody stores rows of the tenant, and nobody who comes later does. Writers that
 * hold the tenant for longer than {@link PATIENCE_MS} are ended; what they had not committed, others store.
 * @param secret - of the client's cell: who ends others must not stand in line
 * @returns the fence as it is now; undefined when another flip came first, or the cell has no such tenant
 */
export async function raiseFence(
  client: pg.Client,
  secret: CellSecret,
  tenant: TenantId,
  epoch: bigint,
): Promise<Fence | undefined> {
  return transact(client, async () => {
    await lockTenantSoon(client, secret, tenant);
    return change(client, tenant, (fence) => raise(fence, epoch), FLIP_LIMIT_MS);
  });
}

/** See {@link open}. Needs no lock of the tenant: a shadow's transaction in hand stores the same rows as a primary's. */
export async function openFence(
  client: pg.Client,
  tenant: TenantId,
  epoch: bigint,
): Promise<Fence | undefined> {
  return transact(client, () => change(client, tenant, (fence) => open(fence, epoch), null));
}

/** See {@link shadow}. */
export async function shadowFence(
  client: pg.Client,
  tenant: TenantId,
  epoch: bigint,
): Promise<Fence | undefined> {
  return transact(client, () => change(client, tenant, (fence) => shadow(fence, epoch), null));
}

async function transact<T>(client: pg.Client, work: () => Promise<T>): Promise<T> {
  await client.query("begin");
  try {
    const result = await work();
    await client.query("commit");
    return result;
  } catch (error) {
    await client.query("rollback").catch(() => undefined); // a broken connection has done so
    throw error;
  }
}

/** Compare-and-set: the row is locked, the model says what becomes of it. */
async function change(
  tx: pg.Client,
  tenant: TenantId,
  transition: (fence: Fence) => Fence | undefined,
  closedForMs: number | null,
): Promise<Fence | undefined> {
  const { rows } = await tx.query<{ epoch: bigint; role: FenceRole; is_closed: boolean }>(
    "select epoch, role, is_closed from millwright.fence where tenant = $1 for update",
    [tenant],
  );
  const [row] = rows;
  const next =
    row === undefined ? undefined : transition({ epoch: row.epoch, role: row.role, isClosed: row.is_closed });
  if (next === undefined) return undefined;
  await tx.query(
    `update millwright.fence set epoch = $2, role = $3, is_closed = $4,
            closed_until = clock_timestamp() + $5 * interval '1 ms'
      where tenant = $1`,
    [tenant, next.epoch, next.role, next.isClosed, closedForMs],
  );
  return next;
}

/** The tenant's lock, for which nobody is waited for long. Who waits keeps newcomers out, so those who hold it are the last. */
async function lockTenantSoon(client: pg.Client, secret: CellSecret, tenant: TenantId): Promise<void> {
  const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
  const locked = lockTenant(client, tenant).then(() => true);
  locked.catch(() => undefined); // awaited below, perhaps after another failure
  while (!(await Promise.race([locked, delay(PATIENCE_MS, false, { ref: false })])))
    await endHolders(secret, tenant, rows[0]?.pid);
}

/** Ends the sessions that hold the tenant's lock; all of them are ours. */
async function endHolders(secret: CellSecret, tenant: TenantId, ownPid: number | undefined): Promise<void> {
  await asCellAdmin(secret, AS_MOVER, (client) =>
    client.query(
      `select pg_terminate_backend(pid) from pg_locks
        where locktype = 'advisory' and granted and objsubid = 1
          and database = (select oid from pg_database where datname = current_database())
          and (classid::bigint << 32 | objid::bigint) = hashtextextended($1, 0) and pid <> $2`,
      [tenant, ownPid],
    ),
  );
}
