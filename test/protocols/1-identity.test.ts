import { expect } from "chai";
import { tenantNames, topicName } from "../../model/tenant.ts";
import { testTenant } from "../support/cell.ts";
import { ingestCell, type IngestCell } from "../support/ingest-cell.ts";
import { logRecord } from "../support/log-records.ts";

const OFFSET_BITS = 40;

describe("protocol 1: the identity of a row", () => {
  let cell: IngestCell;
  before(async () => (cell = await ingestCell()));
  after(() => cell.close());

  describe("a topic's name carries its generation", () => {
    /** Three records; then the topic is dropped and made again, and gets five. @returns offsets stored of the five */
    async function dropAndMakeAgain(id: string, generation: number) {
      const topics = [1, 2].map((one) => ({ topic: `${id}.readings.g${one}`, partitions: 1 }));
      const tenant = await testTenant(cell.secret, id, { topics });
      const consumer = await cell.consumer(tenant, { generations: [1, 2] });
      await consumer.handle([0, 1, 2].map((offset) => logRecord(tenant, 0, offset)));

      const topic = topicName(tenant, "readings", generation);
      const again = [0, 1, 2, 3, 4].map((offset) => logRecord(tenant, 0, offset, undefined, { topic }));
      // what every log does with a consumer: it hands over from the consumer's own position on
      const next = await consumer.position({ topic, partition: 0 });
      await consumer.handle(again.filter(({ offset }) => offset >= next));
      return (await cell.offsets(tenant)).slice(3);
    }

    it("so a topic that is made again is another one, and is read from its start", async () => {
      expect(await dropAndMakeAgain("again-other", 2)).to.deep.equal([0, 1, 2, 3, 4]);
    });

    it("would lose records without a word if the name were the same: their offsets have been stored", async () => {
      expect(await dropAndMakeAgain("again-same", 1)).to.deep.equal([3, 4]);
    });
  });

  describe("a reference is never a JavaScript number", () => {
    it("two neighbours are two references, and would be one as numbers, in generation 1 already", async () => {
      const tenant = await testTenant(cell.secret, "numbers");
      await cell.store([0, 1].map((offset) => logRecord(tenant, 0, offset)));
      const rows = await cell.admin<{ log_ref: bigint }>(
        `select log_ref from ${tenantNames(tenant).schema}.machine_telemetry`,
      );
      expect(new Set(rows.map((row) => row.log_ref)).size).to.equal(2);
      expect(new Set(rows.map((row) => Number(row.log_ref))).size).to.equal(1);
    });
  });

  describe("rows are found by ranges of references, one for each partition", () => {
    const ROWS_PER_PARTITION = 50_000;
    let table: string;
    before(async () => {
      const tenant = await testTenant(cell.secret, "planned");
      table = `${tenantNames(tenant).schema}.machine_telemetry`;
      await cell.store([logRecord(tenant, 0, 0)]); // makes the partition
      await cell.admin(
        `insert into ${table} (time, machine_id, log_ref, ordinal)
         select '2026-11-21 09:59Z', 'm-001', (((1 << 15) | n % 2)::bigint << ${OFFSET_BITS}) | (n / 2), 0
           from generate_series(2, ${2 * ROWS_PER_PARTITION}) n`,
      );
      await cell.admin(`vacuum analyze ${table}`); // as autovacuum does; it also sums up the index
    });

    /** Whether rows that meet the condition are found by the index on references. */
    async function usesIndex(condition: string): Promise<boolean> {
      const [row] = await cell.admin<{ "QUERY PLAN": unknown }>(
        `explain (format json) select count(*) from ${table} where ${condition}`,
      );
      return /"Index Cond":"\(+log_ref/.test(JSON.stringify(row?.["QUERY PLAN"]));
    }
    const tailOf = (partition: number) => {
      const first =
        (((1n << 15n) | BigInt(partition)) << BigInt(OFFSET_BITS)) | BigInt(ROWS_PER_PARTITION - 500);
      return `log_ref >= ${first} and log_ref < ${first + 1_000n}`;
    };

    it("so the tail of the log is read by the index", async () => {
      expect(await usesIndex(tailOf(1))).to.equal(true);
      expect(await usesIndex(`(${tailOf(0)}) or (${tailOf(1)})`)).to.equal(true);
    });

    it("would be searched for in the whole table by a mask", async () => {
      const mask = (1n << BigInt(OFFSET_BITS)) - 1n;
      expect(await usesIndex(`log_ref & ${mask} >= ${ROWS_PER_PARTITION - 500}`)).to.equal(false);
    });
  });
});
