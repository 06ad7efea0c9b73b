import { expect } from "chai";
import type { LogRecord, TopicPartition } from "../../data/event-log/event-log.ts";
import { tenantNames, topicName, type TenantId } from "../../model/tenant.ts";
import { testTenant } from "../support/cell.ts";
import { eventually } from "../support/eventually.ts";
import { ingestCell, type IngestCell } from "../support/ingest-cell.ts";
import { testEmbeddedLog } from "../support/log.ts";
import { logRecord, machineReading } from "../support/log-records.ts";

type Consumer = Awaited<ReturnType<IngestCell["consumer"]>>;

describe("protocol 2: the position of a partition", () => {
  let cell: IngestCell;
  before(async () => (cell = await ingestCell()));
  after(() => cell.close());

  const recordsOf = (tenant: TenantId, count: number) =>
    Array.from({ length: count }, (_, offset) => logRecord(tenant, 0, offset));
  const setPosition = (tenant: TenantId, offset: bigint) =>
    cell.admin("update millwright.log_position set next_offset = $2 where tenant = $1 and partition = 0", [
      tenant,
      offset,
    ]);
  const positionOf = (consumer: Consumer, tenant: TenantId) =>
    consumer.position({ topic: topicName(tenant, "readings", 1), partition: 0 });

  /** Where a consumer goes on that was told to: `stored` is the position, `behind` follows the batch. */
  type SeekRule = (stored: number, behind: number) => number;
  const inEitherDirection: SeekRule = (stored) => stored;
  const forwardOnly: SeekRule = (stored, behind) => Math.max(stored, behind);

  /** Hands the log over from `next` on, two records at a time, as a log does, to its end. */
  async function follow(consumer: Consumer, log: readonly LogRecord[], next: number, seekTo: SeekRule) {
    while (next < log.length) {
      const batch = log.slice(next, next + 2);
      const [seek] = await consumer.handle(batch);
      const behind = next + batch.length;
      next = seek === undefined ? behind : seekTo(Number(seek.offset), behind);
    }
  }

  describe("is sought where it is stored, in either direction", () => {
    /** The database is failed over to a standby that has seen the first record alone. @returns offsets stored */
    async function failOver(id: string, seekTo: SeekRule) {
      const tenant = await testTenant(cell.secret, id);
      const consumer = await cell.consumer(tenant);
      const log = recordsOf(tenant, 6);
      await follow(consumer, log.slice(0, 4), 0, seekTo);
      await cell.admin(`delete from ${tenantNames(tenant).schema}.machine_telemetry where log_ref & 255 > 0`);
      await setPosition(tenant, 1n);
      await follow(consumer, log, 4, seekTo);
      return cell.offsets(tenant);
    }

    it("so what a failover took back is read again", async () => {
      expect(await failOver("back-either", inEitherDirection)).to.deep.equal([0, 1, 2, 3, 4, 5]);
    });

    it("would lose what a failover took back, and all that follows, if it were sought forward only", async () => {
      expect(await failOver("back-forward", forwardOnly)).to.deep.equal([0]);
    });

    /** Another process, which believes that it owns the partition, stores the first of two records. */
    async function meetZombie(id: string, seekTo: SeekRule) {
      const tenant = await testTenant(cell.secret, id);
      const [ours, zombie] = [await cell.consumer(tenant), await cell.consumer(tenant)];
      const log = recordsOf(tenant, 4);
      await zombie.handle(log.slice(0, 1));
      await follow(ours, log, 0, seekTo);
      return cell.offsets(tenant);
    }

    it("so the rest of a batch of which a zombie has stored a part is stored", async () => {
      expect(await meetZombie("part-either", inEitherDirection)).to.deep.equal([0, 1, 2, 3]);
    });

    it("would lose the rest if a batch that is not next counted as stored", async () => {
      expect(await meetZombie("part-forward", forwardOnly)).to.deep.equal([0]);
    });
  });

  describe("is compared before it is set", () => {
    /** A zombie delivers what has been stored. */
    async function deliverAgain(id: string, beforeZombie: (tenant: TenantId) => Promise<unknown>) {
      const tenant = await testTenant(cell.secret, id);
      const [ours, zombie] = [await cell.consumer(tenant), await cell.consumer(tenant)];
      await ours.handle(recordsOf(tenant, 2));
      await beforeZombie(tenant);
      await zombie.handle(recordsOf(tenant, 2));
      return cell.offsets(tenant);
    }

    it("so a zombie adds nothing", async () => {
      expect(await deliverAgain("compared", () => Promise.resolve())).to.deep.equal([0, 1]);
    });

    it("would let a zombie double everything if whoever comes set it", async () => {
      const setBlindly = (tenant: TenantId) => setPosition(tenant, 0n); // any position is then the one to begin at
      expect(await deliverAgain("blind", setBlindly)).to.deep.equal([0, 0, 1, 1]);
    });
  });

  describe("that the log no longer holds is an alarm", () => {
    /** Two of eight records are stored when the log drops the first five. @returns what a consumer makes of it */
    async function overtaken(
      id: string,
      change: (consumer: Consumer, tenant: TenantId, start: bigint) => Consumer,
    ) {
      const tenant = await testTenant(cell.secret, id);
      const topic = topicName(tenant, "readings", 1);
      const { log } = await testEmbeddedLog();
      const stop = new AbortController();
      let consuming: Promise<void> | undefined;
      const alarms: bigint[] = [];
      try {
        await log.createTopic(topic, 1);
        const value = Buffer.from(JSON.stringify([machineReading()]));
        const record = { topic, partition: 0, headers: {}, value };
        await log.append(Array.from({ length: 8 }, () => record));
        const consumer = await cell.consumer(tenant, { outOfRange: ({ offset }) => alarms.push(offset) });
        await consumer.handle(recordsOf(tenant, 2));
        await log.trim({ maxAgeMs: 3_600_000, maxBytesPerPartition: 3 * value.length });
        const { start, end } = await log.bounds(record);

        consuming = log.consume(change(consumer, tenant, start), stop.signal);
        await eventually("the end of the log, or an alarm", async () => {
          return alarms.length > 0 || (await positionOf(consumer, tenant)) === end;
        });
        stop.abort();
        await consuming;
        return { offsets: await cell.offsets(tenant), alarms };
      } finally {
        stop.abort();
        await consuming;
        await log.close();
      }
    }

    it("and the partition stops where it is", async () => {
      const outcome = await overtaken("reset-never", (consumer) => consumer);
      expect(outcome).to.deep.equal({ offsets: [0, 1], alarms: [2n] });
    });

    it("would lose what lies between without a word if it were reset to the earliest offset", async () => {
      const outcome = await overtaken("reset-earliest", (consumer, tenant, start) => ({
        ...consumer,
        position: async (partition: TopicPartition) => {
          const stored = await consumer.position(partition);
          if (stored >= start) return stored;
          await setPosition(tenant, start); // auto.offset.reset = earliest, for a consumer that keeps its position itself
          return start;
        },
      }));
      expect(outcome).to.deep.equal({ offsets: [0, 1, 5, 6, 7], alarms: [] });
    });
  });
});
