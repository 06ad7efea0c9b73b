import { randomBytes } from "node:crypto";
import path from "node:path";
import * as z from "zod";
import { prepareCatalog, type CatalogPasswords } from "../../data/catalog/catalog.ts";
import { createDatabase } from "../../data/create-database.ts";
import { createCluster, startCluster } from "../../data/postgres-cluster/cluster.ts";
import { databaseUrl, parseDatabaseUrl, type DatabaseAddress } from "../../data/pool.ts";
import type { SecretStore } from "../../data/secret-store.ts";

const DATABASE = "millwright";
export const WORKFLOW_DATABASE = "millwright_workflows";

/** `workflows`: of the queue's own role, where it has one; a home of an older release has no password for it. */
const passwords = z.strictObject({
  ...{ app: z.string(), service: z.string(), log: z.string() },
  workflows: z.string().default(() => newPassword()),
});

/** Where the catalog is and how to log in; kept as the secret `catalog`, which the handler host reads too. */
export interface CatalogAccess {
  readonly admin: DatabaseAddress;
  /** Database of the durable workflows: apart, because its tables belong to DBOS. */
  readonly workflowsUrl: string;
  readonly passwords: CatalogPasswords & { readonly log: string };
}

/** Starts (or adopts) the catalog's cluster, or takes the one of `CATALOG_URL`, and brings its schema up to date. */
export async function startCatalogServer(
  home: string,
  url: string | undefined,
  secrets: SecretStore,
): Promise<CatalogAccess> {
  const admin =
    url === undefined ? await embedded(path.join(home, "catalog")) : parseDatabaseUrl(url, DATABASE);
  const logins = await keptPasswords(secrets);
  await createDatabase(admin, WORKFLOW_DATABASE);
  await prepareCatalog(admin, logins);
  const { host, port, database } = admin;
  const { app, service, log } = logins;
  await secrets.put("catalog", { host, port, database, app, service, log });
  return { admin, workflowsUrl: databaseUrl({ ...admin, database: WORKFLOW_DATABASE }), passwords: logins };
}

async function embedded(folder: string): Promise<DatabaseAddress> {
  await createCluster(folder);
  const cluster = await startCluster(folder);
  const address = { ...cluster, database: DATABASE };
  await createDatabase({ ...address, database: "postgres" }, DATABASE);
  return address;
}

/** Made once. */
export async function keptPasswords(secrets: SecretStore): Promise<z.infer<typeof passwords>> {
  const kept = passwords.safeParse(await secrets.get("catalog-logins"));
  if (kept.success) return kept.data;
  const made = { app: newPassword(), service: newPassword(), log: newPassword(), workflows: newPassword() };
  await secrets.put("catalog-logins", made);
  return made;
}

function newPassword(): string {
  return randomBytes(24).toString("base64url");
}
