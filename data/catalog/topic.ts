import type pg from "pg";
import type { TenantId } from "../../model/tenant.ts";

/** A topic whose readings belong into a cell, and the epoch of the placement that says so. */
export interface CellTopic {
  readonly tenant: TenantId;
  readonly topic: string;
  readonly epoch: bigint;
}

/**
 * Topics of readings of the tenants placed in `cell`, without those that are being deleted: what the log still has of
 * them goes with it. @param service - the catalog's pool that crosses tenants
 */
export async function topicsOfCell(service: pg.Pool, cell: string): Promise<readonly CellTopic[]> {
  const { rows } = await service.query<CellTopic>(
    `select tenant, o.topic, p.epoch
       from tenant_placement p join tenant t using (tenant) join topic o using (tenant)
      where p.cell = $1 and p.state = 'stable' and t.state <> 'deleting' and o.stream = 'readings'
      order by o.topic`,
    [cell],
  );
  return rows;
}

/** Topics of all tenants' readings, for consumers that follow every tenant. */
export async function readingsTopics(service: pg.Pool): Promise<readonly string[]> {
  const { rows } = await service.query<{ topic: string }>(
    "select topic from topic where stream = 'readings' order by topic",
  );
  return rows.map(({ topic }) => topic);
}
