import { expect } from "chai";
import pg from "pg";
import { openIngestPool } from "../../data/cell/cell-pool.ts";
import { cellAddress, type CellSecret } from "../../data/cell/cell-secret.ts";
import { dayOf, ensurePartitions } from "../../data/cell/partitions.ts";
import type { LogRecord } from "../../data/event-log/event-log.ts";
import { identifier } from "../../data/pool.ts";
import { Memory } from "../../handlers/ingest/memory.ts";
import { prepareBatch } from "../../handlers/ingest/prepare.ts";
import { storeSafely, type SafeStoreDeps } from "../../handlers/ingest/store-safely.ts";
import { ingestSubscription, type IngestDeps } from "../../handlers/ingest/subscription.ts";
import { tenantNames, topicName, type TenantId } from "../../model/tenant.ts";
import { asCellRole, testCell } from "./cell.ts";
import { APPENDED_AT_MS } from "./log-records.ts";
import { everyMachine, noHistory } from "./machines.ts";

export type IngestCell = Awaited<ReturnType<typeof ingestCell>>;

/** A cell and the real ingestion into it, for tests that hand it records themselves. Tenants are at epoch 1. */
export async function ingestCell(session: { readonly timeZone?: string } = {}) {
  const secret = await testCell();
  const admin = <Row extends pg.QueryResultRow>(sql: string, values: unknown[] = []) =>
    asCellRole(secret, "admin", async (client) => (await client.query<Row>(sql, values)).rows);
  if (session.timeZone !== undefined)
    await admin(`alter database ${identifier(secret.database)} set timezone = '${session.timeZone}'`);
  const pool = openIngestPool(secret, "test");

  const deps = (): SafeStoreDeps => ({
    ...{ pool, memory: new Memory(), epochOf: () => 1n, alarm: () => undefined },
  });
  return {
    ...{ secret, pool, admin, deps, close: () => pool.end() },
    /** Stores the records as one batch. */
    store: async (records: readonly LogRecord[]) =>
      storeSafely(deps(), await prepareBatch(records, noHistory)),
    /** A consumer of the tenant's topics, as a host runs it. */
    consumer: async (
      tenant: TenantId,
      change: Partial<IngestDeps> & { readonly generations?: readonly number[] } = {},
    ) => {
      const { generations = [1], ...rest } = change;
      const topics = generations.map((generation) => ({
        ...{ tenant, topic: topicName(tenant, "readings", generation), generation, epoch: 1n },
      }));
      const subscription = ingestSubscription({
        ...{
          cell: "test",
          pool,
          machines: everyMachine,
          now: Date.now,
          topics: () => Promise.resolve(topics),
        },
        alarm: ({ error }) => expect.fail(String(error)),
        outOfRange: () => expect.fail("the position lies outside the log"),
        stored: () => undefined,
        ...rest,
      });
      await subscription.topics(); // so that it knows the placement
      return subscription;
    },
    /** Offsets of the stored readings of machines, in log order. */
    offsets: async (tenant: TenantId) => {
      const { schema } = tenantNames(tenant);
      const rows = await admin<{ place: number }>(
        `select (log_ref & 1099511627775)::int as place from ${schema}.machine_telemetry order by log_ref, ordinal`,
      );
      return rows.map(({ place }) => place);
    },
    deadLetters: (tenant: TenantId) =>
      admin<{ reason: string; place: number }>(
        `select reason, record_offset::int as place from millwright.dead_letter where tenant = $1 order by log_ref, ordinal`,
        [tenant],
      ),
  };
}

/** A connection of its own as one of the cell's logins; the caller ends it. */
export async function connectTo(secret: CellSecret, login: "admin" | "ingest"): Promise<pg.Client> {
  const client = new pg.Client(cellAddress(secret, login));
  await client.connect();
  return client;
}

/**
 * Lets the tenant's series of machines refuse each COPY of more than `limit` rows as the database would, with that
 * SQLSTATE; `tries` answers how often it was tried, `end` ends it.
 */
export async function refuseMoreThan(
  { pool, admin }: Pick<IngestCell, "pool" | "admin">,
  tenant: TenantId,
  limit: number,
  sqlState: string,
) {
  const { schema } = tenantNames(tenant);
  await ensurePartitions(pool, tenant, "machine", [dayOf(APPENDED_AT_MS)]); // a chunk is made by a row, too
  await admin(`create sequence ${schema}.tries`);
  await admin(`grant usage on sequence ${schema}.tries to public`);
  await admin(
    `create function ${schema}.refuse() returns trigger language plpgsql as $$
     begin
       perform nextval('${schema}.tries');
       if (select count(*) from added) > ${limit} then
         raise exception 'refused' using errcode = '${sqlState}';
       end if;
       return null;
     end $$`,
  );
  await admin(
    `create trigger refuse after insert on ${schema}.machine_telemetry referencing new table as added
     for each statement execute function ${schema}.refuse()`,
  );
  return {
    tries: async () =>
      (await admin<{ count: bigint }>(`select last_value as count from ${schema}.tries`))[0]?.count,
    end: () => admin(`drop trigger refuse on ${schema}.machine_telemetry`),
  };
}
