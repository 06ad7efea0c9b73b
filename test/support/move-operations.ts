import type { Engine } from "../../automation/engine/engine.ts";
import { dropTenantRows, prepareCell, prepareTenant } from "../../data/cell/prepare-cell.ts";
import type { CellSecret } from "../../data/cell/cell-secret.ts";
import { settleFence } from "../../data/cell/settle-fence.ts";
import { pingDatabase } from "../../data/ping.ts";
import type { SecretStore } from "../../data/secret-store.ts";
import { MillwrightError } from "../../model/errors.ts";
import { tenantLogOf, type TenantTopics } from "../../model/tenant-log.ts";
import { tenantNames, type TenantId } from "../../model/tenant.ts";
import { asCellRole, makeTenantSchema } from "./cell.ts";
import type { MovePlant } from "./live-move.ts";
import { runOperations, type TestOperations } from "./operations.ts";
import type { OperationDependencies } from "../../automation/operations/dependencies.ts";

/** Operations on a plant's real log and cells; of the engine only what it makes and takes away in a cell. */
export function runMoves(
  plant: MovePlant,
  options: Partial<OperationDependencies> = {},
): Promise<TestOperations> {
  const { admin, passwords } = plant.test;
  return runOperations(
    { admin, passwords },
    {
      ...{ engine: schemaEngine(plant.cells), log: plant.log, secrets: cellSecrets(plant.cells) },
      cells: { prepareCell, prepareTenant, dropTenantRows, settleFence, checkLogin: pingDatabase },
      ...options,
    },
  );
}

export function cellSecrets(cells: Readonly<Record<string, CellSecret>>): SecretStore {
  const others = new Map<string, object>();
  return {
    get: (name) => Promise.resolve(cells[name.replace("cell-", "")] ?? others.get(name)),
    add(name, secret) {
      if (!others.has(name)) others.set(name, secret);
      return Promise.resolve();
    },
    put(name, secret) {
      others.set(name, secret);
      return Promise.resolve();
    },
    remove: () => Promise.resolve(),
  };
}

interface Home {
  readonly cell: string;
  readonly isProtected: boolean;
}

interface SchemaEngine extends Engine {
  /** Of the tenant's stack, as the last `up` was asked for them. */
  readonly homesOf: (tenant: TenantId) => readonly Home[];
}

/**
 * Makes a tenant's schema in the cells that its stack's config names, and takes it from the others, as the program does.
 * What is protected it knows of its own process only.
 */
export function schemaEngine(cells: Readonly<Record<string, CellSecret>>): SchemaEngine {
  const homes = new Map<TenantId, readonly Home[]>();
  const secretOf = (cell: string) => {
    const secret = cells[cell];
    if (secret === undefined) throw new MillwrightError("engine-failed", `There is no cell ${cell}.`);
    return secret;
  };
  return {
    homesOf: (tenant) => (homes.get(tenant) ?? []).map(({ cell, isProtected }) => ({ cell, isProtected })),
    open: ({ config }) => {
      const tenant = JSON.parse(config["millwright:tenant"] as string) as {
        readonly id: TenantId;
        readonly topics: TenantTopics;
        readonly homes: readonly Home[];
      };
      const { id } = tenant;
      const keepOnly = async (wanted: readonly Home[]) => {
        const isWanted = (cell: string) => wanted.some((home) => home.cell === cell);
        if ((homes.get(id) ?? []).some(({ cell, isProtected }) => isProtected && !isWanted(cell)))
          throw new MillwrightError("engine-failed", "A resource is protected.");
        for (const { cell } of wanted) await makeTenantSchema(secretOf(cell), id);
        // The roles stay: cells may be databases of one cluster, and the tenant's other home has the same.
        for (const cell of Object.keys(cells).filter((name) => !isWanted(name)))
          await asCellRole(secretOf(cell), "admin", (client) =>
            client.query(`drop schema if exists ${tenantNames(id).schema} cascade`),
          );
        homes.set(id, wanted);
        return { same: 1 };
      };
      return Promise.resolve({
        preview: () => Promise.resolve({ same: 1 }),
        up: () => keepOnly(tenant.homes),
        outputs: () =>
          Promise.resolve({
            reader: { user: "u", password: "p" },
            log: tenantLogOf(id, tenant.topics),
            cells: {},
          }),
        destroy: () => keepOnly([]),
        drift: () => Promise.resolve([]),
        close: () => Promise.resolve(),
      });
    },
  };
}
