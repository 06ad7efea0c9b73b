import { openCatalog, prepareCatalog, type Catalog } from "../../data/catalog/catalog.ts";
import type { DatabaseAddress } from "../../data/pool.ts";
import { testDatabase } from "./postgres.ts";

export interface TestCatalog {
  readonly catalog: Catalog;
  readonly admin: DatabaseAddress;
  readonly passwords: { readonly app: string; readonly service: string };
}

/** A migrated catalog in a database of its own on the real test cluster. Close it with `catalog.close()`. */
export async function testCatalog(): Promise<TestCatalog> {
  const admin = await testDatabase();
  const passwords = { app: "app-test", service: "service-test" };
  await prepareCatalog(admin, passwords);
  return { catalog: openCatalog(admin, passwords, "test"), admin, passwords };
}
