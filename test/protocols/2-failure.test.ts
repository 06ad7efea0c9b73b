import { expect } from "chai";
import { keepDeadLetters } from "../../data/cell/dead-letter.ts";
import { advancePositions } from "../../data/cell/log-position.ts";
import type { LogRecord } from "../../data/event-log/event-log.ts";
import { inTransaction } from "../../data/pool.ts";
import { deadLetterOf } from "../../handlers/ingest/decode.ts";
import { prepareBatch } from "../../handlers/ingest/prepare.ts";
import { storeBatch } from "../../handlers/ingest/process.ts";
import { tenantNames, type TenantId } from "../../model/tenant.ts";
import { testTenant } from "../support/cell.ts";
import { ingestCell, refuseMoreThan, type IngestCell } from "../support/ingest-cell.ts";
import { logRecord, machineReading } from "../support/log-records.ts";
import { noHistory } from "../support/machines.ts";

const EIGHT = [0, 1, 2, 3, 4, 5, 6, 7];

// How each SQLSTATE is classified: test/data/cell/failure.test.ts.
describe("protocol 2: the SQLSTATE decides about a failure", () => {
  let cell: IngestCell;
  before(async () => (cell = await ingestCell()));
  after(() => cell.close());

  /** What becomes of a batch; a retry that a consumer would make later is a second call. */
  type Store = (records: readonly LogRecord[]) => Promise<unknown>;

  /** Takes every failure for one that passes. */
  const sameAgain: Store = async (records) => {
    const prepared = await prepareBatch(records, noHistory);
    await storeBatch(cell.deps(), prepared).catch(() => undefined);
  };

  /** Takes every failure for a bad row, and looks for it. */
  const bury: Store = async (records) => {
    const batch = await prepareBatch(records, noHistory);
    try {
      await storeBatch(cell.deps(), batch);
    } catch {
      const [middle, partition] = [records.length >> 1, batch.tenants[0]?.partitions[0]];
      if (middle > 0) {
        await bury(records.slice(0, middle));
        await bury(records.slice(middle));
      } else if (partition !== undefined) {
        await inTransaction(cell.pool, async (tx) => {
          await advancePositions(tx, [partition.range]);
          await keepDeadLetters(
            tx,
            partition.records.map((record) => deadLetterOf(record, "database-refused", "?")),
          );
        });
      }
    }
  };

  const eight = (tenant: TenantId) => EIGHT.map((offset) => logRecord(tenant, 0, offset));
  const found = async (tenant: TenantId) => ({
    stored: await cell.offsets(tenant),
    letters: (await cell.deadLetters(tenant)).length,
  });

  for (const [sqlState, what] of [
    ["53400", "TimescaleDB's decompression limit"],
    ["57014", "a statement's time limit"],
  ] as const) {
    describe(`${sqlState}, ${what}, makes batches smaller`, () => {
      /** The database takes two rows at a time. */
      async function meetLimit(id: string, store: Store) {
        const tenant = await testTenant(cell.secret, `${id}-${sqlState}`);
        await refuseMoreThan(cell, tenant, 2, sqlState);
        for (let attempt = 0; attempt < 3; attempt++) await store(eight(tenant));
        return found(tenant);
      }

      it("so all is stored", async () => {
        expect(await meetLimit("smaller", cell.store)).to.deep.equal({ stored: EIGHT, letters: 0 });
      });

      it("would stop the partition for good if the same were tried again", async () => {
        expect(await meetLimit("same", sameAgain)).to.deep.equal({ stored: [], letters: 0 });
      });
    });
  }

  describe("23514, a value that the table refuses, is that row's alone", () => {
    async function meetPoison(id: string, store: Store) {
      const tenant = await testTenant(cell.secret, id);
      await cell.admin(
        `alter table ${tenantNames(tenant).schema}.machine_telemetry add check (power_watts < 9000)`,
      );
      const poison = logRecord(tenant, 0, 3, [machineReading({ values: { power_watts: 9001 } })]);
      for (let attempt = 0; attempt < 3; attempt++) await store(eight(tenant).with(3, poison));
      return found(tenant);
    }

    it("so its neighbours are stored", async () => {
      expect(await meetPoison("poison-found", cell.store)).to.deep.equal({
        stored: EIGHT.filter((offset) => offset !== 3),
        letters: 1,
      });
    });

    it("would stop the partition for good if the same were tried again", async () => {
      expect(await meetPoison("poison-same", sameAgain)).to.deep.equal({ stored: [], letters: 0 });
    });
  });

  for (const [sqlState, what] of [
    ["08006", "a lost connection"],
    ["53100", "a full disk"],
    ["53300", "too many connections"],
    ["57P01", "a server that is stopped"],
    ["25006", "a standby that was not promoted"],
    ["40001", "a conflict"],
    ["42501", "a right that is missing"],
    ["XX000", "a fault of the database's own"],
  ] as const) {
    describe(`${sqlState}, ${what}, is no fault of the rows`, () => {
      /** It lasts for two deliveries; the third one finds the database well. */
      async function goThrough(id: string, store: Store) {
        const tenant = await testTenant(cell.secret, `${id}-${sqlState.toLowerCase()}`);
        const refusal = await refuseMoreThan(cell, tenant, 0, sqlState);
        for (let attempt = 0; attempt < 2; attempt++) await store(eight(tenant)).catch(() => undefined);
        expect((await refusal.tries()) ?? 0n).to.satisfy((tries: bigint) => tries >= 2n);
        await refusal.end();
        await store(eight(tenant));
        return found(tenant);
      }

      it("so nothing is dead-lettered, and all is stored when it has passed", async () => {
        expect(await goThrough("wait", cell.store)).to.deep.equal({ stored: EIGHT, letters: 0 });
      });

      it("would cost every reading of the time if each failure were a bad row's", async () => {
        expect(await goThrough("bury", bury)).to.deep.equal({ stored: [], letters: 8 });
      });
    });
  }
});
