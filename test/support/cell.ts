import pg from "pg";
import { prepareCell, prepareTenant, type TenantInCell } from "../../data/cell/prepare-cell.ts";
import { cellAddress, type CellSecret } from "../../data/cell/cell-secret.ts";
import { readEdition } from "../../data/cell/edition.ts";
import { identifier, type DatabaseAddress } from "../../data/pool.ts";
import { tenantId, tenantNames, topicName, type TenantId } from "../../model/tenant.ts";
import { testCellDatabase } from "./postgres.ts";

const PASSWORD = "cell-test";

/** A cell as Pulumi leaves it, prepared: roles of the platform, nothing of any tenant. */
export async function testCell(): Promise<CellSecret> {
  return prepareTestCell(await testCellDatabase());
}

/** The same in an empty database of any server. */
export async function prepareTestCell(admin: DatabaseAddress): Promise<CellSecret> {
  const { host, port, database, user, password } = admin;
  const login = (name: string) => ({ user: name, password: PASSWORD });
  const secret = {
    ...{ host, port, database, admin: { user, password } },
    ...{ ingest: login("millwright_ingest"), query: login("millwright_query") },
  };
  await asCellRole(secret, "admin", async (client) => {
    await client.query(`revoke all on database ${identifier(database)} from public`);
    for (const role of ["millwright_ingest", "millwright_query"]) {
      await ensureRole(client, role, "login");
      await client.query(`grant connect on database ${identifier(database)} to ${role}`);
    }
  });
  await prepareCell(secret);
  return secret;
}

/** Roles, schema and rights of a tenant as its Pulumi stack makes them. */
export async function makeTenantSchema(secret: CellSecret, tenant: TenantId): Promise<void> {
  const { schema, owner, writer, reader } = tenantNames(tenant);
  await asCellRole(secret, "admin", async (client) => {
    await ensureRole(client, owner, "nologin");
    await ensureRole(client, writer, "nologin");
    await ensureRole(client, reader, "login");
    const statements = [
      `grant ${writer} to millwright_ingest`,
      `grant ${reader} to millwright_query with inherit false, set true`,
      `grant connect on database ${identifier(secret.database)} to ${reader}`,
      `create schema if not exists ${schema} authorization ${owner}`,
      `grant usage on schema ${schema} to ${writer}, ${reader}`,
      `alter default privileges for role ${owner} in schema ${schema} grant select on tables to ${reader}`,
      `alter default privileges for role ${owner} in schema ${schema} grant select, insert on tables to ${writer}`,
    ];
    for (const statement of statements) await client.query(statement);
  });
}

/** Takes away what {@link makeTenantSchema} made. */
export async function dropTenantSchema(secret: CellSecret, tenant: TenantId): Promise<void> {
  const { schema, owner, writer, reader } = tenantNames(tenant);
  await asCellRole(secret, "admin", async (client) => {
    await client.query(`drop schema if exists ${schema} cascade`);
    await client.query(`drop owned by ${owner}, ${writer}, ${reader}`);
    await client.query(`drop role ${owner}, ${writer}, ${reader}`);
  });
}

/** A tenant that is ready for readings: topic `ID.readings.g1`, two partitions, epoch 1. */
export async function testTenant(
  secret: CellSecret,
  id: string,
  facts: Partial<TenantInCell> = {},
): Promise<TenantId> {
  const tenant = tenantId.parse(id);
  await makeTenantSchema(secret, tenant);
  const topics = [{ topic: topicName(tenant, "readings", 1), partitions: 2 }];
  await prepareTenant(secret, { tenant, machines: 15, topics, epoch: 1n, role: "primary", ...facts });
  return tenant;
}

/** A native partition or a chunk. */
export interface Partition {
  /** Quoted, with its schema. */
  readonly name: string;
  readonly from: Date;
  readonly to: Date;
}

/** How a tenant's series of machines is cut, whatever the cell stands on, oldest first. */
export async function partitionsOf(secret: CellSecret, tenant: TenantId): Promise<readonly Partition[]> {
  return asCellRole(secret, "admin", async (client) => {
    const { schema } = tenantNames(tenant);
    const { rung } = await readEdition(client);
    const sql =
      rung === "plain"
        ? `select inhrelid::regclass::text as name, bounds[1]::timestamptz as from, bounds[2]::timestamptz as to
             from pg_inherits join pg_class c on c.oid = inhrelid,
                  regexp_match(pg_get_expr(relpartbound, c.oid), 'FROM \\(''(.*)''\\) TO \\(''(.*)''\\)') bounds
            where inhparent = $1::regclass order by 2`
        : `select format('%I.%I', chunk_schema, chunk_name) as name, range_start as from, range_end as to
             from timescaledb_information.chunks
            where format('%I.%I', hypertable_schema, hypertable_name) = $1 order by 2`;
    return (await client.query<Partition>(sql, [`${schema}.machine_telemetry`])).rows;
  });
}

/** Runs `work` on a connection of its own as one of the cell's logins. */
export async function asCellRole<T>(
  secret: CellSecret,
  login: "admin" | "ingest" | "query",
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  return asLogin(secret, secret[login], work);
}

/** The same as a tenant's own reader, such as a Grafana of the tenant. */
export async function asTenantReader<T>(
  secret: CellSecret,
  tenant: TenantId,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  return asLogin(secret, { user: tenantNames(tenant).reader, password: PASSWORD }, work);
}

async function asLogin<T>(
  secret: CellSecret,
  login: { readonly user: string; readonly password: string },
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ ...cellAddress(secret, "admin"), ...login });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

// Roles belong to the cluster, which all suites of a process share.
async function ensureRole(client: pg.Client, role: string, login: "login" | "nologin"): Promise<void> {
  const { rowCount } = await client.query("select from pg_roles where rolname = $1", [role]);
  if (rowCount === 0)
    await client.query(`create role ${role} ${login} ${login === "login" ? `password '${PASSWORD}'` : ""}`);
}
