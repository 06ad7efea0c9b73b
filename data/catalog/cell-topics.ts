import type { Pool } from "pg";
import type { TenantId } from "../../model/tenant.ts";

/** A topic whose readings belong into a cell, and the epoch of the placement that says so. */
export interface CellTopic {
  readonly tenant: TenantId;
  readonly topic: string;
  readonly epoch: bigint;
}

/** Topics of readings of the tenants placed in `cell`. @param service - the catalog's pool that crosses tenants */
export async function topicsOfCell(service: Pool, cell: string): Promise<readonly CellTopic[]> {
  const { rows } = await service.query<CellTopic>(
    `select p.tenant, t.topic, p.epoch
       from tenant_placement p join topic t using (tenant)
      where p.cell = $1 and p.state = 'stable' and t.stream = 'readings'
      order by t.topic`,
    [cell],
  );
  return rows;
}
