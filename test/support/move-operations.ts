import type { Engine } from "../../automation/engine/engine.ts";
import { dropTenantRows, prepareCell, prepareTenant } from "../../data/cell/prepare-cell.ts";
import type { CellSecret } from "../../data/cell/cell-secret.ts";
import type { SecretStore } from "../../data/secret-store.ts";
import { MillwrightError } from "../../model/errors.ts";
import { tenantLogOf, type TenantTopics } from "../../model/tenant-log.ts";
import { tenantNames, type TenantId } from "../../model/tenant.ts";
import { asCellRole, makeTenantSchema } from "./cell.ts";
import type { CellName, MovePlant } from "./live-move.ts";
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
      ...{ engine: schemaEngine(plant), log: plant.log, secrets: cellSecrets(plant.cells) },
      cells: { prepareCell, prepareTenant, dropTenantRows },
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
    put: () => Promise.reject(new Error("shared cells have their secrets")),
    remove: () => Promise.resolve(),
  };
}

interface Home {
  readonly cell: CellName;
  readonly isProtected: boolean;
}

/** Makes a tenant's schema in the cells that its stack's config names, and takes it from the others, as the program does. */
function schemaEngine(plant: MovePlant): Engine {
  const homes = new Map<TenantId, readonly Home[]>();
  return {
    open: ({ config }) => {
      const tenant = JSON.parse(config["millwright:tenant"] as string) as {
        readonly id: TenantId;
        readonly topics: TenantTopics;
        readonly homes: readonly Home[];
      };
      const { id } = tenant;
      const keepOnly = async (wanted: readonly Home[]) => {
        const gone = (homes.get(id) ?? []).filter(({ cell }) => !wanted.some((home) => home.cell === cell));
        if (gone.some(({ isProtected }) => isProtected))
          throw new MillwrightError("engine-failed", "A resource is protected.");
        for (const { cell } of wanted) await makeTenantSchema(plant.cells[cell], id);
        // The roles stay: the plant's cells are databases of one cluster, the tenant's other home has the same.
        for (const { cell } of gone)
          await asCellRole(plant.cells[cell], "admin", (client) =>
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
