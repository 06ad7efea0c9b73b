import type { Pool } from "pg";
import type { Catalog } from "../../data/catalog/catalog.ts";
import { placementOf } from "../../data/catalog/placement.ts";
import { openQueryPool } from "../../data/cell/cell-pool.ts";
import { readCellSecret } from "../../data/cell/cell-secret.ts";
import type { SecretStore } from "../../data/secret-store.ts";
import { hasCode, MillwrightError } from "../../model/errors.ts";
import { queryReadings, type ReadingsPage, type ReadingsRequest } from "./process.ts";

/** The placement, and with it the epoch, is the service's to find. */
export type PlacelessRequest = Omit<ReadingsRequest, "epoch">;

/** Reads of all tenants, each from the cell where its placement says that it is. */
export interface QueryService {
  readonly query: (request: PlacelessRequest) => Promise<ReadingsPage>;
  readonly close: () => Promise<void>;
}

interface QueryServiceDeps {
  readonly catalog: Catalog;
  readonly secrets: SecretStore;
}

export function queryService({ catalog, secrets }: QueryServiceDeps): QueryService {
  // By the cell's whole address: a cell that is built again under its name has another password.
  const pools = new Map<string, Pool>();

  async function poolOf(cell: string): Promise<Pool> {
    const secret = await readCellSecret(secrets, cell);
    if (secret === undefined)
      throw new MillwrightError("database-unavailable", `Cell ${cell} is not built yet.`, {
        retryable: true,
      });
    const key = JSON.stringify([cell, secret.host, secret.port, secret.query]);
    const known = pools.get(key);
    if (known !== undefined) return known;
    const pool = openQueryPool(secret, "millwright-query");
    pools.set(key, pool);
    return pool;
  }

  async function queryPlaced(request: PlacelessRequest): Promise<ReadingsPage> {
    const placement = await placementOf(catalog.service, request.tenant);
    if (placement?.state !== "stable")
      throw new MillwrightError("tenant-not-ready", `Tenant ${request.tenant} is not ready.`, {
        retryable: true,
      });
    const pool = await poolOf(placement.cell);
    return queryReadings({ pool, now: Date.now }, { ...request, epoch: placement.epoch });
  }

  return {
    async query(request) {
      try {
        return await queryPlaced(request);
      } catch (error) {
        if (!hasCode(error, "placement-changed")) throw error;
        return queryPlaced(request); // a flip since the placement was read; a second one is for the client to see
      }
    },
    async close() {
      await Promise.all([...pools.values()].map((pool) => pool.end()));
    },
  };
}
