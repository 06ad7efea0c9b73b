import { fileURLToPath } from "node:url";
import type pg from "pg";
import type { FenceRole } from "../../model/flip.ts";
import { seriesWidth, type SeriesWidth } from "../../model/series-width.ts";
import { tenantNames, type TenantId } from "../../model/tenant.ts";
import { migrate } from "../migrate.ts";
import { identifier } from "../pool.ts";
import { asCellAdmin } from "./cell-admin.ts";
import type { CellSecret } from "./cell-secret.ts";
import { readEdition, type Rung } from "./edition.ts";
import { lockTenant } from "./fence.ts";
import { limitLockWaits } from "./limit-lock-waits.ts";
import { SERIES_TABLES } from "./series-tables.ts";
import { installStatementStatistics } from "./statement-statistics.ts";
import { TENANT_TABLES } from "./tenant-tables.ts";
import { installTimescale, makeHypertable, setChunkWidth } from "./timescale.ts";

const MIGRATIONS = fileURLToPath(new URL("./migrations/", import.meta.url));

/** A step and its zombie may prepare the same tenant at once; the second waits, but not for ever. */
const AS_PREPARER = { applicationName: "millwright-prepare", lockTimeoutMs: 30_000 };

export interface TenantInCell {
  readonly tenant: TenantId;
  /** Planned number of machines: decides how wide a partition is. */
  readonly machines: number;
  readonly topics: readonly {
    readonly topic: string;
    readonly partitions: number;
    /** Where the tenant's part of a shared topic begins, by partition; undefined: at the beginning of all. */
    readonly starts?: readonly bigint[] | undefined;
  }[];
  readonly epoch: bigint;
  readonly role: FenceRole;
}

/** Brings the cell's own schema up to date; idempotent. Its roles are there already: Pulumi makes them. */
export async function prepareCell(secret: CellSecret): Promise<void> {
  await asCellAdmin(secret, AS_PREPARER, async (client) => {
    await installTimescale(client);
    await migrate(client, MIGRATIONS, "millwright");
    await limitLockWaits(client, [secret.query.user]);
    await installStatementStatistics(client);
  });
}

/**
 * Makes the tenant's tables, fence and positions in its schema, which Pulumi made; one transaction, idempotent. An
 * existing fence or position stays as it is: both move on with the data.
 */
export async function prepareTenant(secret: CellSecret, inCell: TenantInCell): Promise<void> {
  const { tenant, epoch, role } = inCell;
  await asCellAdmin(secret, AS_PREPARER, async (client) => {
    const { rung } = await readEdition(client);
    await client.query("begin");
    // Two preparers at once (a step and its zombie): the second finds everything made.
    await lockTenant(client, tenant);
    await createSeries(client, inCell, rung);
    await limitLockWaits(client, [tenantNames(tenant).reader]);
    await client.query(
      "insert into millwright.fence (tenant, epoch, role) values ($1, $2, $3) on conflict do nothing",
      [tenant, epoch, role],
    );
    for (const { topic, partitions, starts = Array<bigint>(partitions).fill(0n) } of inCell.topics) {
      await client.query(
        `insert into millwright.log_position (tenant, topic, partition, next_offset)
         select $1, $2, place - 1, start from unnest($3::bigint[]) with ordinality as s (start, place)
         on conflict do nothing`,
        [tenant, topic, starts],
      );
    }
    await client.query("commit");
  });
}

/**
 * Deletes what the cell's own schema holds of a tenant (its series go with its schema). Idempotent.
 * @returns rows by table, without the empty ones
 */
export async function dropTenantRows(
  secret: CellSecret,
  tenant: TenantId,
): Promise<Readonly<Record<string, number>>> {
  return asCellAdmin(secret, AS_PREPARER, async (client) => {
    await client.query("begin");
    await lockTenant(client, tenant);
    const removed = await dropRows(client, tenant);
    await client.query("commit");
    return removed;
  });
}

/** In the transaction of the caller, who holds the tenant's lock. @returns rows by table, without the empty ones */
export async function dropRows(
  client: pg.Client,
  tenant: TenantId,
): Promise<Readonly<Record<string, number>>> {
  const removed: Record<string, number> = {};
  for (const table of TENANT_TABLES) {
    const { rowCount } = await client.query(`delete from millwright.${table} where tenant = $1`, [tenant]);
    if (rowCount !== null && rowCount > 0) removed[table] = rowCount;
  }
  return removed;
}

async function createSeries(
  client: pg.Client,
  { tenant, machines }: TenantInCell,
  rung: Rung,
): Promise<void> {
  const { schema, owner } = tenantNames(tenant);
  const { rows } = await client.query<{ table_name: string; is_hypertable: boolean; width: SeriesWidth }>(
    "select table_name, is_hypertable, width from millwright.series where tenant = $1",
    [tenant],
  );
  const fitted = seriesWidth(machines);
  for (const { name, columns, indexes, ...fixed } of SERIES_TABLES) {
    const width = fixed.width === "fitted" ? fitted : fixed.width;
    const table = `${identifier(schema)}.${name}`;
    const made = rows.find((row) => row.table_name === name);
    if (made !== undefined) {
      // Native partitions keep their width: a narrower one would overlap what is there.
      if (made.is_hypertable && made.width !== width) await changeWidth(client, tenant, name, table, width);
      continue;
    }
    // As the owner, so that its default privileges give reader and writer their rights.
    await client.query(`set local role ${identifier(owner)}`);
    const definitions = columns.map((one) => `${one.name} ${one.type}${one.isRequired ? " not null" : ""}`);
    await client.query(
      `create table ${table} (${definitions.join(", ")})${rung === "plain" ? " partition by range (time)" : ""}`,
    );
    for (const index of indexes) {
      await client.query(`create index on ${table} ${index}`);
    }
    await client.query("reset role");
    if (rung !== "plain") await makeHypertable(client, table, width, rung);
    await client.query(
      `insert into millwright.series
         (tenant, table_name, schema_name, owner_name, is_hypertable, width, fine_from)
       values ($1, $2, $3, $4, $5, $6, date_trunc('year', now() at time zone 'UTC')::date)`,
      [tenant, name, schema, owner, rung !== "plain", width],
    );
  }
}

async function changeWidth(
  client: pg.Client,
  tenant: TenantId,
  name: string,
  table: string,
  width: SeriesWidth,
): Promise<void> {
  await setChunkWidth(client, table, width);
  await client.query("update millwright.series set width = $3 where tenant = $1 and table_name = $2", [
    tenant,
    name,
    width,
  ]);
}
