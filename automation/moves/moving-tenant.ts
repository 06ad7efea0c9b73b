import { listCells } from "../../data/catalog/cell.ts";
import { operationsOf } from "../../data/catalog/operation.ts";
import { openMove } from "../../data/catalog/tenant-move.ts";
import { countDedicatedTenants, getTenant } from "../../data/catalog/tenant.ts";
import { takenServerCount } from "../../data/catalog/trigger-tenant.ts";
import type { Queryable } from "../../data/pool.ts";
import type { MoveTarget, MovingTenant } from "../../model/move-gate.ts";
import { environmentCostWith, type CostGate } from "../cost/environment.ts";
import { tierCostsOf } from "../cost/tier-costs.ts";
import type { TenantId } from "../../model/tenant.ts";

/** A tenant and where it is to go. */
export interface PlanRequest {
  readonly tenant: TenantId;
  readonly target: MoveTarget;
  /** The move itself, where it is an operation already: it does not stand in its own way. */
  readonly operation?: string;
}

interface MovingFacts extends CostGate {
  /** Of servers that dedicated databases can claim; empty: databases are built. */
  readonly dedicatedCellUrls: readonly string[];
}

/**
 * What the catalog knows of a tenant that is to move. In the transaction that starts the move it is the truth; outside of
 * one a look.
 * @throws MillwrightError `tenant-unknown`, `price-missing`, `price-book-missing`
 */
export async function readMovingTenant(
  service: Queryable,
  { tenant: id, operation: own }: PlanRequest,
  { dedicatedCellUrls, pricedPlace, environmentBudgetUsd }: MovingFacts,
): Promise<MovingTenant> {
  const { state, machines, budgetUsdPerMonth, placement } = await getTenant(service, id);
  const cells = await listCells(service);
  const home = cells.find(({ name }) => name === placement?.cell);
  const shared = cells.filter(({ tier }) => tier === "shared");
  const { active } = await operationsOf(service, id);
  const isBuilt = dedicatedCellUrls.length === 0;
  const open = await openMove(service, id);
  const ends = open === undefined || open.operation === own ? [] : [open.sourceCell, open.targetCell];
  const ownDatabases = (home?.tier === "dedicated" ? 1 : 0) + 1;
  return {
    ...{ tenant: id, state, budgetUsdPerMonth },
    costs: await tierCostsOf(service, pricedPlace, { tenant: id, machines }),
    environment: {
      costWithDatabase: await environmentCostWith(service, pricedPlace, Date.now(), {
        ...{ id, machines, ownDatabases },
      }),
      budgetUsdPerMonth: environmentBudgetUsd,
    },
    home: home && { cell: home.name, tier: home.tier },
    operation: active.find((one) => one.id !== own),
    followers: ends.filter((cell) => cell !== null).filter((cell) => cell !== home?.name),
    sharedCells: new Map(
      shared.map(({ name, tenantCapacity, tenantCount }) => [
        name,
        { tenantCapacity, freePlaceCount: tenantCapacity - tenantCount },
      ]),
    ),
    room: {
      dedicatedTenantCount: await countDedicatedTenants(service, id),
      freeServerCount: isBuilt ? Infinity : dedicatedCellUrls.length - (await takenServerCount(service)),
    },
  };
}
