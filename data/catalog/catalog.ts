import { fileURLToPath } from "node:url";
import pg from "pg";
import type { TenantId } from "../../model/tenant.ts";
import { ensureLogin } from "../login-role.ts";
import { migrate } from "../migrate.ts";
import { clientConfig, identifier, inTransaction, openPool, type DatabaseAddress } from "../pool.ts";

/** Connections to the catalog database. */
export interface Catalog {
  /** Bound by row-level security: use through {@link inTenant}. */
  readonly app: pg.Pool;
  /** Work that crosses tenants: operations, dispatcher, alert engine, platform roles. */
  readonly service: pg.Pool;
  readonly close: () => Promise<void>;
}

export interface CatalogPasswords {
  readonly app: string;
  readonly service: string;
}

const MIGRATIONS = fileURLToPath(new URL("./migrations/", import.meta.url));
const SCHEMA = "catalog";

/** Creates roles and brings the schema up to date. Idempotent. @param admin - may create roles and schemas */
export async function prepareCatalog(admin: DatabaseAddress, passwords: CatalogPasswords): Promise<void> {
  const client = new pg.Client(clientConfig(admin));
  await client.connect();
  try {
    for (const login of ["app", "service"] as const) {
      const role = `millwright_${login}`;
      await ensureLogin(client, role, passwords[login]);
      await client.query(`grant connect on database ${identifier(admin.database)} to ${role}`);
    }
    await migrate(client, MIGRATIONS, SCHEMA);
    await client.query(`grant usage on schema ${SCHEMA} to millwright_app, millwright_service`);
    await client.query(
      `grant usage on all sequences in schema ${SCHEMA} to millwright_app, millwright_service`,
    );
  } finally {
    await client.end();
  }
}

/** @param place - host, port and database; the logins are the catalog's own */
export function openCatalog(
  place: Omit<DatabaseAddress, "user" | "password">,
  passwords: CatalogPasswords,
  applicationName: string,
): Catalog {
  const pool = (login: "app" | "service") =>
    openPool(
      { ...place, user: `millwright_${login}`, password: passwords[login] },
      { applicationName, max: 8, searchPath: SCHEMA },
    );
  const app = pool("app");
  const service = pool("service");
  return {
    app,
    service,
    close: async () => {
      await Promise.all([app.end(), service.end()]);
    },
  };
}

/** One transaction that sees the rows of one tenant only. */
export function inTenant<T>(
  catalog: Catalog,
  tenant: TenantId,
  work: (tx: pg.PoolClient) => Promise<T>,
): Promise<T> {
  return inTransaction(catalog.app, async (tx) => {
    // transaction-local: a pooled connection that is handed on carries nobody's tenant
    await tx.query("select set_config('millwright.tenant', $1, true)", [tenant]);
    return work(tx);
  });
}
