import { MillwrightError } from "../../model/errors.ts";
import type { TenantId } from "../../model/tenant.ts";
import { asCellAdmin } from "./cell-admin.ts";
import type { CellSecret } from "./cell-secret.ts";
import { lockTenant, readFences } from "./fence.ts";
import { dropRows } from "./prepare-cell.ts";

/** The tenant's writers hold its lock for some 100 ms. */
const AS_MOVER = { applicationName: "millwright-move-end", lockTimeoutMs: 30_000 };

/**
 * Empties a cell that a tenant has left, or did not come to. Idempotent.
 * @param epoch - of the tenant's placement: a cell that a later flip has opened is not emptied by one who slept through it
 * @returns rows by table, without the empty ones
 * @throws MillwrightError `placement-changed` when the cell is the tenant's home
 */
export async function dropShadowRows(
  secret: CellSecret,
  tenant: TenantId,
  epoch: bigint,
): Promise<Readonly<Record<string, number>>> {
  return asCellAdmin(secret, AS_MOVER, async (client) => {
    await client.query("begin");
    await lockTenant(client, tenant);
    const fence = (await readFences(client, [tenant])).get(tenant);
    if (fence !== undefined && (fence.role !== "shadow" || fence.epoch > epoch))
      throw new MillwrightError("placement-changed", `The cell is the home of ${tenant}; it is not emptied.`);
    const removed = await dropRows(client, tenant);
    await client.query("commit");
    return removed;
  });
}
