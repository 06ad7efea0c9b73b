import type pg from "pg";
import type { TenantId } from "../../model/tenant.ts";

/** A topic with a tenant's readings that a cell stores, and the epoch of the tenant's placement. */
export interface CellTopic {
  readonly tenant: TenantId;
  readonly topic: string;
  /** Of the tenant, among those that had its id. */
  readonly generation: number;
  readonly epoch: bigint;
}

/**
 * Topics of readings of the tenants that are at home in `cell` or shadowed there, without those that are being deleted:
 * what the log still has of them goes with it. What the cell is to a tenant, its fence says. @param service - the catalog's pool that crosses tenants
 */
export async function topicsOfCell(service: pg.Pool, cell: string): Promise<readonly CellTopic[]> {
  const { rows } = await service.query<CellTopic>(
    `select tenant, o.topic, o.generation, p.epoch
       from tenant_placement p join tenant t using (tenant) join topic o using (tenant)
      where p.state <> 'building' and t.state <> 'deleting' and o.stream = 'readings'
        and (p.cell = $1 or exists (select from shadow s where s.tenant = p.tenant and s.cell = $1))
      order by o.topic, tenant`,
    [cell],
  );
  return rows;
}

/**
 * Topics of all tenants' readings, for consumers that follow every tenant. A shared one that has ever been read is read
 * on while nobody uses it, or its position would grow older than what the log holds.
 */
export async function readingsTopics(service: pg.Pool): Promise<readonly string[]> {
  const { rows } = await service.query<{ topic: string }>(
    `select topic from topic where stream = 'readings'
      union select topic from alert_position where tenant is null order by topic`,
  );
  return rows.map(({ topic }) => topic);
}
