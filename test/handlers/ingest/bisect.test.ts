import { expect } from "chai";
import fc from "fast-check";
import type pg from "pg";
import { openIngestPool } from "../../../data/cell/cell-pool.ts";
import type { CellSecret } from "../../../data/cell/cell-secret.ts";
import { dayOf, ensurePartitions } from "../../../data/cell/partitions.ts";
import type { LogRecord } from "../../../data/event-log/event-log.ts";
import { Memory } from "../../../handlers/ingest/memory.ts";
import { prepareBatch } from "../../../handlers/ingest/prepare.ts";
import { storeSafely } from "../../../handlers/ingest/store-safely.ts";
import { tenantNames, type TenantId } from "../../../model/tenant.ts";
import { asCellRole, testCell, testTenant } from "../../support/cell.ts";
import { APPENDED_AT_MS, logRecord, machineReading } from "../../support/log-records.ts";
import { noHistory } from "../../support/machines.ts";
import { seed } from "../../support/seed.ts";

/** The database fails on these, with the SQLSTATE that stands in them. */
const poison = (sqlState: string) => machineReading({ values: { error_code: sqlState } });

describe("rows that the database refuses", () => {
  let secret: CellSecret;
  let pool: pg.Pool;
  let count = 0;
  before(async () => {
    secret = await testCell();
    pool = openIngestPool(secret, "test");
  });
  after(() => pool.end());

  const admin = <Row extends pg.QueryResultRow>(sql: string, values: unknown[] = []) =>
    asCellRole(secret, "admin", async (client) => (await client.query<Row>(sql, values)).rows);

  /** A tenant whose table refuses poison, and counts the COPYs. */
  async function newTenant(): Promise<TenantId> {
    const tenant = await testTenant(secret, `bisect-${++count}`);
    const { schema } = tenantNames(tenant);
    await ensurePartitions(pool, tenant, "machine", [dayOf(APPENDED_AT_MS)]); // a chunk is made by a row, too
    for (const statement of [
      `create sequence ${schema}.copies`,
      `grant usage on sequence ${schema}.copies to public`,
      `create function ${schema}.count_copy() returns trigger language plpgsql as
         'begin perform nextval(''${schema}.copies''); return null; end'`,
      `create function ${schema}.refuse() returns trigger language plpgsql as $$
       begin
         if new.error_code is not null then raise exception 'refused' using errcode = new.error_code; end if;
         return new;
       end $$`,
      `create trigger count_copy before insert on ${schema}.machine_telemetry
         for each statement execute function ${schema}.count_copy()`,
      `create trigger refuse before insert on ${schema}.machine_telemetry
         for each row execute function ${schema}.refuse()`,
    ])
      await admin(statement);
    return tenant;
  }

  const store = async (records: readonly LogRecord[]) =>
    storeSafely(
      {
        ...{ pool, memory: new Memory(), epochOf: () => 1n },
        alarm: ({ error }) => expect.fail(String(error)),
      },
      await prepareBatch(records, noHistory),
    );
  const rowCount = async (tenant: TenantId) =>
    (await admin(`select from ${tenantNames(tenant).schema}.machine_telemetry`)).length;
  const letters = async (tenant: TenantId) =>
    (
      await admin<{ record_offset: bigint; ordinal: number; reason: string }>(
        "select record_offset, ordinal, reason from millwright.dead_letter where tenant = $1 order by log_ref, ordinal",
        [tenant],
      )
    ).map(({ record_offset: offset, ordinal, reason }) => [Number(offset), ordinal, reason]);
  const copies = async (tenant: TenantId) =>
    Number(
      (await admin<{ n: bigint }>(`select last_value as n from ${tenantNames(tenant).schema}.copies`))[0]?.n,
    );

  for (const sqlState of ["22P02", "22003", "23514", "23505", "54000"])
    it(`become dead letters alone, wherever they stand in a batch (${sqlState})`, async () => {
      const [tenant, neighbour] = [await newTenant(), await newTenant()];
      // three records of three readings, and a neighbour of the same commit
      for (let place = 0; place < 9; place++) {
        const readings = (record: number) =>
          [0, 1, 2].map((ordinal) =>
            record * 3 + ordinal === place
              ? poison(sqlState)
              : machineReading({ values: { power_watts: 1 } }),
          );
        const records = [0, 1, 2].map((record) => logRecord(tenant, 0, place * 3 + record, readings(record)));
        const plain = machineReading({ values: { power_watts: 1 } });
        const outcome = await store([...records, logRecord(neighbour, 0, place, [plain])]);
        expect(outcome).to.include({ rowCount: 9, deadLetterCount: 1 });
      }
      expect(await letters(tenant)).to.deep.equal(
        [0, 1, 2, 3, 4, 5, 6, 7, 8].map((place) => [
          ...[place * 3 + Math.floor(place / 3), place % 3, "database-refused"],
        ]),
      );
      expect([await rowCount(tenant), await rowCount(neighbour)]).to.deep.equal([72, 9]);
    });

  it("cost COPYs of the order k log n", async () => {
    const n = 256;
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.nat(n - 1), { minLength: 1, maxLength: 4 }), async (places) => {
        const tenant = await newTenant();
        const poisoned = new Set(places);
        const readings = Array.from({ length: n }, (_, place) =>
          poisoned.has(place) ? poison("22003") : machineReading({ values: { power_watts: 1 } }),
        );
        expect((await store([logRecord(tenant, 0, 0, readings)])).deadLetterCount).to.equal(places.length);
        expect((await letters(tenant)).map(([, ordinal]) => ordinal)).to.deep.equal(
          [...places].sort((a, b) => a - b),
        );
        // the plain way, the whole once more, and two halves at each level for each of them
        expect(await copies(tenant)).to.be.at.most(2 + 2 * places.length * Math.log2(n));
      }),
      { seed, numRuns: 5 },
    );
  });

  for (const sqlState of ["08006", "53100", "53300", "57P01", "57P03", "40001"])
    it(`are none when the database is away, also when it goes away amid the search (${sqlState})`, async () => {
      const tenant = await newTenant();
      const plain = machineReading({ values: { power_watts: 1 } });
      for (const readings of [
        [plain, poison(sqlState)],
        [poison("22003"), plain, plain, poison(sqlState)],
      ])
        await store([logRecord(tenant, 0, 0, readings)]).then(
          () => expect.fail("stored"),
          (error: unknown) => expect(error).to.include({ code: "database-unavailable", retryable: true }),
        );
      expect([await letters(tenant), await rowCount(tenant)]).to.deep.equal([[], 0]);
      expect((await store([logRecord(tenant, 0, 0, [plain])])).rowCount).to.equal(1); // the position has not moved
    });
});
