import type { TenantId } from "../../model/tenant.ts";
import { asCellAdmin } from "./cell-admin.ts";
import type { CellSecret } from "./cell-secret.ts";
import { lockTenant } from "./fence.ts";

/**
 * Opens the fence of the tenant's home at the placement's epoch, whatever an earlier state of the database says: only for
 * a cell that the placement names, while no flip can be under way.
 * @returns false when the cell has a later epoch, or no such tenant
 */
export async function settleFence(secret: CellSecret, tenant: TenantId, epoch: bigint): Promise<boolean> {
  return asCellAdmin(
    secret,
    { applicationName: "millwright-restore", lockTimeoutMs: 30_000 },
    async (client) => {
      await client.query("begin");
      await lockTenant(client, tenant);
      const { rowCount } = await client.query(
        `update millwright.fence set epoch = $2, role = 'primary', is_closed = false, closed_until = null
        where tenant = $1 and epoch <= $2`,
        [tenant, epoch],
      );
      await client.query("commit");
      return rowCount === 1;
    },
  );
}
