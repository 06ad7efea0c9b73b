import { expect } from "chai";
import pg from "pg";
import type { Subscription } from "../../../data/event-log/event-log.ts";
import type { EmbeddedLog } from "../../../data/event-log/embedded-log.ts";
import type { DatabaseAddress } from "../../../data/pool.ts";
import { testConsumers } from "../../support/consumers.ts";
import { eventually } from "../../support/eventually.ts";
import { LOG_PASSWORD, testEmbeddedLog } from "../../support/log.ts";
import { collector, eventLogContract, recordOf, textOf } from "./contract.ts";

describe("embedded log", () => {
  let log: EmbeddedLog;
  let admin: DatabaseAddress;
  before(async () => ({ log, admin } = await testEmbeddedLog()));
  after(() => log.close());

  const consumeFrom = testConsumers();
  const consume = (subscription: Subscription) => consumeFrom(log, subscription);

  eventLogContract(() => log);

  describe("retention", () => {
    let log: EmbeddedLog;
    let admin: DatabaseAddress;
    beforeEach(async () => ({ log, admin } = await testEmbeddedLog()));
    afterEach(() => log.close());

    it("deletes the oldest records until the partition is small enough, and moves its start", async () => {
      const partition = { topic: "trim.readings.g1", partition: 0 };
      await log.createTopic(partition.topic, 1);
      await log.append(Array.from({ length: 10 }, () => recordOf(partition.topic, "x".repeat(100))));
      expect(await log.trim({ maxAgeMs: 3_600_000, maxBytesPerPartition: 350 })).to.equal(7);
      expect(await log.bounds(partition)).to.deep.equal({ start: 7n, end: 10n });
      expect(await log.trim({ maxAgeMs: 3_600_000, maxBytesPerPartition: 350 })).to.equal(0);
    });

    it("deletes what is too old, however much it is", async () => {
      const topic = "age.readings.g1";
      await log.createTopic(topic, 1);
      await log.append(Array.from({ length: 1_200 }, () => recordOf(topic, "old")));
      await inDatabase(admin, "update log.record set appended_at_ms = 1");
      await log.append([recordOf(topic, "new")]);
      expect(await log.trim({ maxAgeMs: 3_600_000, maxBytesPerPartition: 1 << 30 })).to.equal(1_200);
      expect(await log.bounds({ topic, partition: 0 })).to.deep.equal({ start: 1_200n, end: 1_201n });
      const offset = await log
        .append([recordOf(topic, "next")])
        .then(() => log.bounds({ topic, partition: 0 }));
      expect(offset.end).to.equal(1_202n);
    });
  });

  it("answers an append that waits too long for its partition with an outage, and takes it later", async () => {
    const topic = "held.readings.g1";
    await log.createTopic(topic, 1);
    const holder = new pg.Client(admin);
    await holder.connect();
    await holder.query("begin");
    await holder.query("select from log.partition where topic = $1 for update", [topic]);
    const refused = log.append([recordOf(topic, "too long")]).then(
      () => undefined,
      (error: unknown) => error,
    );
    // The server cancels a statement that is too slow exactly so; this one is not waited for.
    await eventually("the append is cancelled", async () => {
      const cancel =
        "select pg_cancel_backend(pid) as sent from pg_stat_activity where wait_event_type = 'Lock' and datname = $1";
      return (await holder.query(cancel, [admin.database])).rows.length > 0;
    });
    expect(await refused).to.deep.include({ code: "log-unavailable", retryable: true });
    await holder.query("rollback");
    await holder.end();
    await log.append([recordOf(topic, "in time")]);
    expect((await log.bounds({ topic, partition: 0 })).end).to.equal(1n);
  });

  // A failover, or the crash of a database that was not made to wait for its disk, may have taken positions back.
  it("asks for the stored position again when its connection was lost, though no record comes", async () => {
    const topic = "back.readings.g1";
    await log.createTopic(topic, 1);
    await log.append([recordOf(topic, "a"), recordOf(topic, "b")]);
    const seen = collector(() => [topic]);
    consume(seen.subscription);
    await eventually("both records", () => seen.records.length === 2);
    seen.positions.set(`${topic}/0`, 1n);
    await inDatabase(
      admin,
      "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'millwright_log'",
    );
    await eventually("the second record again", () => seen.records.length === 3);
    expect(seen.records.map(textOf)).to.deep.equal(["a", "b", "b"]);
  });

  // Why offsets are given out under the partition's lock: a sequence gives them out before their commit.
  describe("an offset", () => {
    it("of a sequence is skipped when it commits behind a later one", async () => {
      await inDatabase(admin, "create table public.plain (place bigserial primary key, value text)");
      const [slow, fast] = [new pg.Client(admin), new pg.Client(admin)];
      await Promise.all([slow.connect(), fast.connect()]);
      let next = 1n;
      const read: string[] = [];
      const poll = async () => {
        const { rows } = await fast.query<{ place: bigint; value: string }>(
          "select place, value from public.plain where place >= $1 order by place",
          [next],
        );
        for (const { place, value } of rows) [next] = [place + 1n, read.push(value)];
      };
      await slow.query("begin");
      await slow.query("insert into public.plain (value) values ('slow')");
      await fast.query("insert into public.plain (value) values ('fast')");
      await poll();
      await slow.query("commit");
      await poll();
      await Promise.all([slow.end(), fast.end()]);
      expect(read).to.deep.equal(["fast"]); // 'slow' is in the table, and no poll will ever bring it
    });

    it("of the log waits for the one before it", async () => {
      const topic = "order.readings.g1";
      await log.createTopic(topic, 1);
      const slow = new pg.Client({ ...admin, options: "-c search_path=log" });
      await slow.connect();
      // what an append does, stopped before its commit
      await slow.query("begin");
      await slow.query("select from partition where topic = $1 for update", [topic]);
      const seen = collector(() => [topic]);
      consume(seen.subscription);
      let isAppended = false;
      const appending = log.append([recordOf(topic, "fast")]).then(() => (isAppended = true));
      await eventually("the later append waits", async () => {
        const { rowCount } = await slow.query(
          "select from pg_stat_activity where usename = 'millwright_log' and wait_event_type = 'Lock'",
        );
        return rowCount === 1;
      });
      expect(isAppended).to.equal(false);
      await slow.query(
        `with claimed as (
           update partition set end_offset = end_offset + 1 where topic = $1 returning id, end_offset - 1 as place)
         insert into record (partition_id, "offset", appended_at_ms, headers, value)
         select id, place, 1, '{}', 'slow' from claimed`,
        [topic],
      );
      await slow.query("commit");
      await appending;
      await eventually("both records", () => seen.records.length === 2);
      expect(seen.records.map(textOf)).to.deep.equal(["slow", "fast"]);
      await slow.end();
    });
  });

  it("reads a large backlog of many partitions in bounded batches, each partition in order", async () => {
    const topic = "large.readings.g1";
    await log.createTopic(topic, 4);
    const body = "x".repeat(100_000);
    for (let round = 0; round < 4; round++) {
      const records = Array.from({ length: 40 }, (_, n) =>
        recordOf(topic, `${round * 40 + n}:${body}`, n % 4),
      );
      await log.append(records);
    }
    const sizes: number[] = [];
    const order = new Map<number, number[]>();
    const seen = collector(() => [topic], {
      handle: (batch) => {
        sizes.push(batch.reduce((sum, { value }) => sum + value.length, 0));
        for (const record of batch) {
          const list = order.get(record.partition) ?? [];
          order.set(record.partition, [...list, Number(textOf(record).split(":")[0])]);
        }
        return Promise.resolve([]);
      },
    });
    consume(seen.subscription);
    await eventually("160 records", () => [...order.values()].flat().length === 160);
    expect(Math.max(...sizes)).to.be.at.most(4 << 20);
    for (const list of order.values()) expect(list).to.deep.equal(list.toSorted((a, b) => a - b));
  });

  it("lets its login see the log and nothing else, and nobody else see the log", async () => {
    await inDatabase(admin, "create table public.other (x int)");
    const own = { ...admin, user: "millwright_log", password: LOG_PASSWORD };
    const refusal = await inDatabase(own, "select from public.other").catch((error: unknown) =>
      String(error),
    );
    expect(refusal).to.contain("permission denied");
  });
});

async function inDatabase(address: DatabaseAddress, sql: string): Promise<void> {
  const client = new pg.Client(address);
  await client.connect();
  await client.query(sql).finally(() => client.end());
}
