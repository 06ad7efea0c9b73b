import { setTimeout as delay } from "node:timers/promises";
import type { ClientBase, Pool } from "pg";
import type { Catalog } from "../../data/catalog/catalog.ts";
import { placementOf } from "../../data/catalog/placement.ts";
import { openQueryPool } from "../../data/cell/cell-pool.ts";
import { requireCellSecret } from "../../data/cell/cell-secret.ts";
import type { SecretStore } from "../../data/secret-store.ts";
import { isLoginRefused } from "../../data/pool.ts";
import { hasCode, MillwrightError } from "../../model/errors.ts";
import type { TenantId } from "../../model/tenant.ts";
import { inPlacement } from "./in-placement.ts";

/**
 * The cell takes a new password before the secret has it. Shorter: queries fail in a rotation. Longer: a login that is
 * wrong for good is told later.
 */
const LOGIN_WAIT_MS = 10_000;
const LOGIN_PAUSE_MS = 100;

/** Where a tenant's placement says that its data is. */
export interface Home {
  readonly cell: string;
  /** Of the cell, as its query login. */
  readonly pool: Pool;
  readonly epoch: bigint;
}

/** The way to the data of all tenants, each in its cell. */
export interface TenantCells {
  /**
   * Runs `work`, and once more when the tenant has moved since its placement was read; a second move is for the client to
   * see. A login that is refused is tried with what the secret says then.
   */
  readonly atHome: <T>(tenant: TenantId, work: (home: Home) => Promise<T>) => Promise<T>;
  /** Runs `work` in one transaction in the tenant's cell, as the query login. */
  readonly inCell: <T>(
    tenant: TenantId,
    access: "read only" | "read write",
    work: (tx: ClientBase) => Promise<T>,
  ) => Promise<T>;
  readonly close: () => Promise<void>;
}

interface TenantCellsDeps {
  readonly catalog: Catalog;
  readonly secrets: SecretStore;
}

export function tenantCells({ catalog, secrets }: TenantCellsDeps): TenantCells {
  // By the cell's whole address: a cell that is built again under its name has another password.
  const pools = new Map<string, Pool>();

  async function poolOf(cell: string): Promise<Pool> {
    const secret = await requireCellSecret(secrets, cell);
    const key = JSON.stringify([cell, secret.host, secret.port, secret.query]);
    const known = pools.get(key);
    if (known !== undefined) return known;
    const pool = openQueryPool(secret, "millwright-query");
    pools.set(key, pool);
    return pool;
  }

  async function homeOf(tenant: TenantId): Promise<Home> {
    const placement = await placementOf(catalog.service, tenant);
    if (placement === undefined || placement.state === "building")
      throw new MillwrightError("tenant-not-ready", `Tenant ${tenant} is not ready.`, { retryable: true });
    const { cell, epoch } = placement;
    return { cell, pool: await poolOf(cell), epoch };
  }

  const atHome: TenantCells["atHome"] = async (tenant, work) => {
    const waitUntilMs = Date.now() + LOGIN_WAIT_MS;
    let hasMoved = false;
    for (;;) {
      try {
        return await work(await homeOf(tenant));
      } catch (error) {
        if (isLoginRefused(error) && Date.now() < waitUntilMs) await delay(LOGIN_PAUSE_MS);
        else if (!hasMoved && hasCode(error, "placement-changed")) hasMoved = true;
        else throw error;
      }
    }
  };

  return {
    atHome,
    inCell: (tenant, access, work) =>
      atHome(tenant, ({ pool, epoch }) => inPlacement(pool, { tenant, epoch }, access, work)),
    async close() {
      await Promise.all([...pools.values()].map((pool) => pool.end()));
    },
  };
}
