import { randomUUID } from "node:crypto";
import { tmpdir } from "node:os";
import pg from "pg";
import { LOCAL_PLACE } from "../../automation/cost/quote-basis.ts";
import { startOperations, type RunningOperations } from "../../automation/operations/start.ts";
import type { OperationDependencies } from "../../automation/operations/dependencies.ts";
import type { Actor } from "../../automation/operations/service.ts";
import { registerCell } from "../../data/catalog/cell.ts";
import { openCatalog, type Catalog } from "../../data/catalog/catalog.ts";
import { addMove, setTargetCell } from "../../data/catalog/tenant-move.ts";
import type { NewTenant } from "../../data/catalog/tenant.ts";
import type { DatabaseAddress } from "../../data/pool.ts";
import { isFinished, type Operation } from "../../model/operation.ts";
import { tenantId, type TenantId } from "../../model/tenant.ts";
import { testCatalog } from "./catalog.ts";
import { eventually } from "./eventually.ts";
import { fakeWorld, sharedCellSecret, type FakeWorld, type FakeWorldOptions } from "./fake-world.ts";

export const alice: Actor = { id: "admin", role: "platform-admin", from: "127.0.0.1" };

export function newTenant(id: string, more: Partial<NewTenant> = {}): NewTenant {
  return {
    id: tenantId.parse(id),
    name: id,
    tier: "shared",
    machines: 15,
    budgetUsdPerMonth: null,
    contacts: [],
    ...more,
  };
}

/** A move from the shared cell `shared-1` that has come to building its target. */
export async function addMoveTo(service: pg.Pool, tenant: TenantId, cell: string): Promise<void> {
  const operation = randomUUID();
  const [sourceTier, targetTier] = ["shared", "dedicated"] as const;
  const move = { operation, tenant, sourceCell: "shared-1", sourceTier, targetTier, decision: undefined };
  await addMove(service, move);
  await setTargetCell(service, operation, cell);
}

const silent = () => undefined;
const logger = { info: silent, warn: silent, error: silent, debug: silent };

/** What a process needs to take part in driving the operations of one test catalog. */
export interface OperationPlace {
  readonly admin: DatabaseAddress;
  readonly passwords: { readonly app: string; readonly service: string };
}

/** A migrated catalog with one shared cell, and the world around it. */
export async function testOperationPlace(): Promise<OperationPlace> {
  const { catalog, admin, passwords } = await testCatalog();
  await registerCell(catalog.service, { name: "shared-1", tier: "shared", tenantCapacity: 100 });
  await catalog.close();
  const world = await fakeWorld(admin);
  await world.secrets.put("cell-shared-1", sharedCellSecret);
  await world.close();
  return { admin, passwords };
}

export interface TestOperations extends RunningOperations {
  readonly catalog: Catalog;
  readonly world: FakeWorld;
}

/** The operations of a place, driven by this process; the queue's own tables lie beside the catalog's. */
export async function runOperations(
  { admin, passwords }: OperationPlace,
  options: FakeWorldOptions & Partial<OperationDependencies> = {},
): Promise<TestOperations> {
  const catalog = openCatalog(admin, passwords, "test");
  const world = await fakeWorld(admin, options);
  const { user, password, host, port, database } = admin;
  const running = await startOperations({
    catalog,
    ...world,
    databaseUrl: `postgresql://${user}:${password}@${host}:${port}/${database}_queue`,
    environment: "test",
    pricedPlace: LOCAL_PLACE,
    environmentBudgetUsd: 50_000,
    home: tmpdir(),
    moveGraceMs: 60_000,
    defaultTopic: "own",
    dedicatedCellUrls: [],
    logger,
    ...options,
  });
  return {
    ...running,
    catalog,
    world,
    async close() {
      await running.close();
      await world.close();
      await catalog.close();
    },
  };
}

/** Waits until the operation has ended, however. */
export function ended({ service }: RunningOperations, { id }: Operation): Promise<Operation> {
  return eventually(`the end of operation ${id}`, async () => {
    const operation = await service.get(id);
    return isFinished(operation.status) && operation;
  });
}

/** Rows of a query on the test's database, past every protection. */
export async function rowsOf<T extends pg.QueryResultRow>(
  { admin }: OperationPlace,
  sql: string,
  parameters: unknown[] = [],
): Promise<T[]> {
  const client = new pg.Client({ ...admin, options: "-c search_path=catalog" });
  await client.connect();
  try {
    return (await client.query<T>(sql, parameters)).rows;
  } finally {
    await client.end();
  }
}
