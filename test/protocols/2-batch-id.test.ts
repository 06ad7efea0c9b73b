import { expect } from "chai";
import type pg from "pg";
import { lockBatches, saveBatches, type Batch } from "../../data/batch.ts";
import type { LogRecord } from "../../data/event-log/event-log.ts";
import { admit, type BatchedRecord } from "../../handlers/ingest/admit.ts";
import type { TenantId } from "../../model/tenant.ts";
import { testTenant } from "../support/cell.ts";
import { eventually } from "../support/eventually.ts";
import { connectTo, ingestCell, type IngestCell } from "../support/ingest-cell.ts";
import { logRecord } from "../support/log-records.ts";

const TABLE = "millwright.batch";

// That append time decides how long an id is remembered: 2-same-rows.test.ts.
describe("protocol 2: a client's batch", () => {
  let cell: IngestCell;
  before(async () => (cell = await ingestCell()));
  after(() => cell.close());

  describe("is known by id, part and content hash", () => {
    /** Part 0 of a body, its retry, then part 1 of another body under the same id. */
    async function send(id: string, hashOf: (body: string) => string) {
      const tenant = await testTenant(cell.secret, id);
      const part = (body: string, number: number): Partial<LogRecord> => ({
        headers: { "batch-id": "b", part: String(number), "content-hash": hashOf(body) },
      });
      await cell.store([
        logRecord(tenant, 0, 0, undefined, part("one", 0)),
        logRecord(tenant, 0, 1, undefined, part("one", 0)),
        logRecord(tenant, 0, 2, undefined, part("two", 1)),
      ]);
      return { stored: await cell.offsets(tenant), letters: await cell.deadLetters(tenant) };
    }

    it("so another body under a known id adds nothing, and says so", async () => {
      expect(await send("batch-hash", (body) => body)).to.deep.equal({
        stored: [0],
        letters: [{ reason: "batch-id-reused", place: 2 }],
      });
    });

    it("would be made of pieces of two bodies if id and part alone were looked at", async () => {
      expect(await send("batch-part", () => "")).to.deep.equal({ stored: [0, 2], letters: [] });
    });
  });

  describe("is locked before anything is known of it", () => {
    type FindBatches = typeof lockBatches;
    const findUnlocked: FindBatches = async (tx, table, keys) => {
      const { rows } = await tx.query<{ content_hash: string; parts: number[]; appended_at: Date }>(
        `select * from ${table} where (tenant, batch_id) in (select * from unnest($1::text[], $2::text[]))`,
        [keys.map(({ tenant }) => tenant), keys.map(({ batchId }) => batchId)],
      );
      return rows.map((row) => ({
        ...keys[0]!,
        ...{
          contentHash: row.content_hash,
          parts: new Set(row.parts),
          appendedAtMs: row.appended_at.getTime(),
        },
      }));
    };
    const saveAnyhow = (tx: pg.Client, { tenant, batchId, contentHash, parts, appendedAtMs }: Batch) =>
      tx.query(
        `insert into ${TABLE} values ($1, $2, $3, $4, $5) on conflict (tenant, batch_id) do update set parts = $4`,
        [tenant, batchId, contentHash, [...parts], new Date(appendedAtMs)],
      );

    /** The same batch stands in two partitions, which two consumers take at once. @returns how often it was admitted */
    async function meet(
      id: string,
      find: FindBatches,
      save: (tx: pg.Client, batch: Batch) => Promise<unknown>,
    ) {
      const tenant = await testTenant(cell.secret, id);
      const [first, second] = [
        await connectTo(cell.secret, "ingest"),
        await connectTo(cell.secret, "ingest"),
      ];
      const take = async (tx: pg.Client, partition: number) => {
        const known = await find(tx, TABLE, [{ tenant, batchId: "b" }]);
        const { admitted, learnt } = admit([recordOf(tenant, partition)], known);
        for (const batch of learnt) await save(tx, batch);
        return admitted.length;
      };
      try {
        const { rows } = await second.query<{ pid: number }>("select pg_backend_pid() as pid");
        await first.query("begin");
        await second.query("begin");
        const byFirst = await take(first, 0);
        const taking = take(second, 1);
        await eventually("the second stands behind the first", async () => {
          const waiting = await cell.admin("select from pg_locks where pid = $1 and not granted", [
            rows[0]!.pid,
          ]);
          return waiting.length > 0;
        });
        await first.query("commit");
        const bySecond = await taking;
        await second.query("commit");
        return byFirst + bySecond;
      } finally {
        await Promise.all([first.end(), second.end()]);
      }
    }

    function recordOf(tenant: TenantId, partition: number): BatchedRecord {
      const source = logRecord(tenant, partition, 0);
      return { tenant, source, batch: { id: "b", part: 0, contentHash: "h" } };
    }

    it("so of two equal ones that come at once in two partitions one is taken", async () => {
      expect(
        await meet("batch-locked", lockBatches, (tx, batch) => saveBatches(tx, TABLE, [batch])),
      ).to.equal(1);
    });

    it("would be taken twice if an unknown one were looked up without a lock", async () => {
      expect(await meet("batch-unlocked", findUnlocked, saveAnyhow)).to.equal(2);
    });
  });
});
