import { listCells } from "../../data/catalog/cell.ts";
import { operationsOf } from "../../data/catalog/operation.ts";
import { shadowsOf } from "../../data/catalog/shadow.ts";
import { countDedicatedTenants, getTenant } from "../../data/catalog/tenant.ts";
import { takenServerCount } from "../../data/catalog/trigger-tenant.ts";
import type { Queryable } from "../../data/pool.ts";
import type { MoveTarget, MovingTenant } from "../../model/move-gate.ts";
import type { TenantId } from "../../model/tenant.ts";

/** A tenant and where it is to go. */
export interface PlanRequest {
  readonly tenant: TenantId;
  readonly target: MoveTarget;
  /** The move itself, where it is an operation already: it does not stand in its own way. */
  readonly operation?: string;
}

/**
 * What the catalog knows of a tenant that is to move. In the transaction that starts the move it is the truth; outside of
 * one a look.
 * @param dedicatedServerCount - servers that dedicated databases can claim; undefined: databases are built
 * @throws MillwrightError `tenant-unknown`
 */
export async function readMovingTenant(
  service: Queryable,
  { tenant: id, operation: own }: PlanRequest,
  dedicatedServerCount: number | undefined,
): Promise<MovingTenant> {
  const { state, budgetUsdPerMonth, placement } = await getTenant(service, id);
  const cells = await listCells(service);
  const home = cells.find(({ name }) => name === placement?.cell);
  const shared = cells.filter(({ tier }) => tier === "shared");
  const { active } = await operationsOf(service, id);
  const takenCount = dedicatedServerCount === undefined ? 0 : await takenServerCount(service);
  return {
    ...{ tenant: id, state, budgetUsdPerMonth },
    home: home && { cell: home.name, tier: home.tier },
    operation: active.find((one) => one.id !== own),
    followers: (await shadowsOf(service, id)).map(({ cell }) => cell),
    sharedCells: new Map(
      shared.map(({ name, tenantCapacity, tenantCount }) => [
        name,
        { tenantCapacity, freePlaceCount: tenantCapacity - tenantCount },
      ]),
    ),
    room: {
      dedicatedTenantCount: await countDedicatedTenants(service, id),
      freeServerCount: (dedicatedServerCount ?? Infinity) - takenCount,
    },
  };
}
