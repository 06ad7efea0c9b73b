import { registerCell } from "../../data/catalog/cell.ts";
import type { Catalog } from "../../data/catalog/catalog.ts";
import { addTenant } from "../../data/catalog/tenant.ts";
import { tenantNames, topicName, type TenantId } from "../../model/tenant.ts";
import { newTenant } from "./operations.ts";

/** Makes a tenant known to the catalog: at home in `cell` at epoch 1, with one topic, which may be a shared one. */
export async function placeTestTenant(
  { service }: Catalog,
  tenant: TenantId,
  cell: string,
  topic = topicName(tenant, "readings", 1),
): Promise<void> {
  await addTenant(service, newTenant(tenant));
  await service.query(
    `with placed as (insert into tenant_placement (tenant, cell, database, schema, epoch, state)
                     values ($1, $2, 'readings', $3, 1, 'stable'))
     insert into topic (topic, tenant, stream, generation, partitions) values ($4, $1, 'readings', 1, 2)`,
    [tenant, cell, tenantNames(tenant).schema, topic],
  );
}

export async function registerTestCells({ service }: Catalog, names: readonly string[]): Promise<void> {
  for (const name of names) await registerCell(service, { name, tier: "shared", tenantCapacity: 100 });
}
