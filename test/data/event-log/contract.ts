import { expect } from "chai";
import type {
  EventLog,
  LogRecord,
  Seek,
  Subscription,
  TopicPartition,
} from "../../../data/event-log/event-log.ts";
import type { MillwrightError } from "../../../model/errors.ts";
import { testConsumers } from "../../support/consumers.ts";
import { eventually } from "../../support/eventually.ts";

/** Positions in memory, as a consumer's database would hold them. */
export function collector(topics: () => readonly string[], change: Partial<Subscription> = {}) {
  const records: LogRecord[] = [];
  const positions = new Map<string, bigint>();
  const stopped: Seek[] = [];
  const key = ({ topic, partition }: TopicPartition) => `${topic}/${partition}`;
  const subscription: Subscription = {
    group: "test",
    topics: () => Promise.resolve(topics()),
    position: (partition) => Promise.resolve(positions.get(key(partition)) ?? 0n),
    handle: (batch) => {
      for (const record of batch) {
        records.push(record);
        positions.set(key(record), record.offset + 1n);
      }
      return Promise.resolve([]);
    },
    outOfRange: (seek) => void stopped.push(seek),
    ...change,
  };
  return { subscription, records, positions, stopped, key };
}

export const textOf = (record: LogRecord) => record.value.toString("utf8");
export const recordOf = (topic: string, value: string, partition = 0) => ({
  topic,
  partition,
  headers: { "produced-at": "1" },
  value: Buffer.from(value),
});

/** A record that the log itself has appended, to show the horizon. */
const isTick = (headers: LogRecord["headers"]) => headers["kind"] === "tick";

/** What every event log must do; `log()` gives the one under test. */
export function eventLogContract(log: () => EventLog): void {
  let run = 0;
  let topic = "";

  beforeEach(async () => {
    topic = `tenant-${++run}.readings.g1`;
    await log().createTopic(topic, 2);
  });
  const consumeFrom = testConsumers();
  const consume = (subscription: Subscription) => consumeFrom(log(), subscription);

  it("gives growing offsets and time stamps in each partition, and tells which offsets are of no record", async () => {
    await Promise.all(
      Array.from({ length: 60 }, (_, n) => log().append([recordOf(topic, String(n), n % 2)])),
    );
    const seen = collector(() => [topic]);
    consume(seen.subscription);
    await eventually("60 records", () => seen.records.length === 60);
    for (const partition of [0, 1]) {
      const records = seen.records.filter((record) => record.partition === partition);
      expect(records.map(({ offset }) => offset)).to.deep.equal(
        Array.from({ length: 30 }, (_, n) => BigInt(n)),
      );
      const times = records.map(({ appendedAtMs }) => appendedAtMs);
      expect(times).to.deep.equal(times.toSorted((a, b) => a - b));
      expect(records.map(({ coversFrom }) => coversFrom)).to.deep.equal(records.map(({ offset }) => offset));
      expect(await log().bounds({ topic, partition })).to.deep.equal({ start: 0n, end: 30n });
    }
  });

  it("keeps value and headers byte by byte", async () => {
    const value = Buffer.from([0, 255, 128, 10, 92, 39]);
    const headers = { "batch-id": 'a"\\\u0000,{}é', source: "" };
    await log().append([
      { topic, partition: 1, headers, value },
      { topic, partition: 1, headers: {}, value: Buffer.alloc(0) },
    ]);
    const seen = collector(() => [topic]);
    consume(seen.subscription);
    await eventually("both records", () => seen.records.length === 2);
    expect(seen.records[0]).to.deep.include({ value, headers, partition: 1 });
    expect(seen.records[1]?.value.length).to.equal(0);
  });

  it("wakes a waiting consumer", async () => {
    const seen = collector(() => [topic]);
    consume(seen.subscription);
    for (const n of [0, 1, 2]) {
      await log().append([recordOf(topic, String(n))]);
      await eventually(`record ${n}`, () => seen.records.length === n + 1);
    }
    expect(seen.records.map(textOf)).to.deep.equal(["0", "1", "2"]);
  });

  it("follows a topic that is named later", async () => {
    const topics = [topic];
    const seen = collector(() => topics);
    consume(seen.subscription);
    await log().createTopic(`${topic}x`, 1);
    await log().append([recordOf(`${topic}x`, "new")]);
    topics.push(`${topic}x`);
    await eventually("the new topic's record", () => seen.records.some((record) => textOf(record) === "new"));
  });

  it("goes on where handle says, in either direction", async () => {
    await log().append(Array.from({ length: 6 }, (_, n) => recordOf(topic, String(n))));
    const handled: string[][] = [];
    const seen = collector(() => [topic], {
      handle: (batch) => {
        handled.push(batch.map(textOf));
        const seeks: Seek[][] = [
          [{ topic, partition: 0, offset: 4n }],
          [{ topic, partition: 0, offset: 1n }],
        ];
        return Promise.resolve(seeks[handled.length - 1] ?? []);
      },
    });
    consume(seen.subscription);
    await eventually("three batches", () => handled.length === 3);
    expect(handled).to.deep.equal([
      ["0", "1", "2", "3", "4", "5"],
      ["4", "5"],
      ["1", "2", "3", "4", "5"],
    ]);
  });

  it("goes on where the subscription says so between batches, also a partition that has stopped", async () => {
    await log().append(Array.from({ length: 6 }, (_, n) => recordOf(topic, String(n), n % 2)));
    const seeks: Seek[] = [];
    const seen = collector(() => [topic], { seeks: () => seeks.splice(0) });
    seen.positions.set(`${topic}/1`, 99n);
    consume(seen.subscription);
    await eventually("one partition read, the other stopped", () => {
      return seen.records.length === 3 && seen.stopped.length === 1;
    });
    seeks.push({ topic, partition: 0, offset: 1n }, { topic, partition: 1, offset: 2n });
    await eventually("the rest of both", () => seen.records.length === 6);
    const [again, others] = [0, 1].map((partition) =>
      seen.records.slice(3).filter((record) => record.partition === partition),
    );
    expect([again?.map(textOf), others?.map(textOf)]).to.deep.equal([["2", "4"], ["5"]]);
  });

  it("hands over again from the stored position what handle did not take", async () => {
    await log().append([recordOf(topic, "a"), recordOf(topic, "b")]);
    let tries = 0;
    const seen = collector(() => [topic]);
    const { handle } = seen.subscription;
    consume({
      ...seen.subscription,
      handle: async (batch) => {
        if (++tries === 1) {
          seen.positions.set(`${topic}/0`, 1n); // half of it was stored after all
          throw new Error("connection lost");
        }
        return handle(batch);
      },
    });
    await eventually("the rest", () => seen.records.length > 0);
    expect(seen.records.map(textOf)).to.deep.equal(["b"]);
  });

  it("tells that a consumer which has read everything is not behind", async () => {
    const lags = async () => (await log().lags()).filter((lag) => lag.topic === topic && lag.partition === 0);
    const seen = collector(() => [topic]);
    await log().append([recordOf(topic, "a"), recordOf(topic, "b")]);
    expect(await lags()).to.deep.equal([]);
    consume(seen.subscription);
    await eventually(
      "none behind",
      async () => (await lags())[0]?.records === 0 && seen.records.length === 2,
    );
    expect(await lags()).to.deep.equal([{ group: "test", topic, partition: 0, records: 0 }]);
  });

  it("tells how far a consumer is behind also while its database is away", async () => {
    const lag = async () =>
      (await log().lags()).find((one) => one.topic === topic && one.partition === 0)?.records;
    const database = { isAway: false, refusals: 0 };
    const seen = collector(() => [topic]);
    const { position, handle } = seen.subscription;
    consume({
      ...seen.subscription,
      handle: (batch) => (database.isAway ? Promise.reject(new Error("away")) : handle(batch)),
      position: (partition) => {
        if (!database.isAway) return position(partition);
        database.refusals++;
        return Promise.reject(new Error("away"));
      },
    });
    await log().append([recordOf(topic, "a"), recordOf(topic, "b")]);
    await eventually("none behind", async () => seen.records.length === 2 && (await lag()) === 0);
    database.isAway = true;
    await log().append([recordOf(topic, "c")]);
    await eventually("a position that nobody knows", () => database.refusals > 0);
    expect(await lag()).to.equal(1);
    await log().append([recordOf(topic, "d"), recordOf(topic, "e")]);
    await eventually("three behind", async () => (await lag()) === 3);
    database.isAway = false;
    await eventually("none behind again", async () => (await lag()) === 0);
    expect(seen.records.map(textOf)).to.deep.equal(["a", "b", "c", "d", "e"]);
  });

  it("reads a partition from any offset that it holds", async () => {
    await log().append(["a", "b", "c"].map((value) => recordOf(topic, value)));
    const { records, next } = await log().read({ topic, partition: 0, offset: 1n });
    expect(records.map((record) => [record.coversFrom, record.offset, textOf(record)])).to.deep.equal([
      [1n, 1n, "b"],
      [2n, 2n, "c"],
    ]);
    expect(next).to.equal(3n);
    expect(await log().read({ topic, partition: 0, offset: next })).to.deep.equal({ records: [], next });
    const refusal = (of: string, offset: bigint) =>
      log()
        .read({ topic: of, partition: 0, offset })
        .then(
          () => expect.fail("it was read"),
          (error: unknown) => (error as MillwrightError).code,
        );
    expect(await refusal(topic, 4n)).to.equal("offset-out-of-range");
    expect(await refusal("nobody.readings.g1", 0n)).to.equal("topic-unknown");
  });

  it("stops a partition whose position lies outside the log, and no other", async () => {
    const seen = collector(() => [topic]);
    seen.positions.set(`${topic}/0`, 7n);
    await log().append([recordOf(topic, "lost", 0), recordOf(topic, "read", 1)]);
    consume(seen.subscription);
    await eventually("the alarm", () => seen.stopped.length === 1 && seen.records.length === 1);
    expect(seen.stopped[0]).to.deep.include({ topic, partition: 0, offset: 7n });
    expect(seen.records.map(textOf)).to.deep.equal(["read"]);
  });

  it("ends after the batch in hand", async () => {
    await log().append([recordOf(topic, "a")]);
    const entered: PromiseWithResolvers<void> = Promise.withResolvers();
    const leave: PromiseWithResolvers<void> = Promise.withResolvers();
    let isDone = false;
    const seen = collector(() => [topic], {
      handle: async () => {
        entered.resolve();
        await leave.promise;
        isDone = true;
        return [];
      },
    });
    const end = consume(seen.subscription);
    await entered.promise;
    const ended = end();
    leave.resolve();
    await ended;
    expect(isDone).to.equal(true);
  });

  it("ends at once when it is told to before it has begun", async () => {
    await log().consume(collector(() => [topic]).subscription, AbortSignal.abort());
  });

  it("refuses records of a topic that it does not have, and takes their neighbours", async () => {
    const outcomes = await Promise.allSettled([
      log().append([recordOf(topic, "good")]),
      log().append([recordOf(topic, "half"), recordOf("nobody.readings.g1", "bad")]),
      log().append([recordOf(topic, "also good", 1)]),
    ]);
    expect(outcomes.map(({ status }) => status)).to.deep.equal(["fulfilled", "rejected", "fulfilled"]);
    expect((outcomes[1] as PromiseRejectedResult).reason).to.deep.include({ code: "topic-unknown" });
    expect(await log().bounds({ topic, partition: 0 })).to.deep.equal({ start: 0n, end: 1n });
  });

  it("makes and drops a topic any number of times", async () => {
    await log().append([recordOf(topic, "a")]);
    await log().createTopic(topic, 5);
    expect(await log().bounds({ topic, partition: 0 })).to.deep.equal({ start: 0n, end: 1n });
    await log().dropTopic(topic);
    await log().dropTopic(topic);
    const code = await log()
      .append([recordOf(topic, "b")])
      .then(
        () => "appended",
        (error: unknown) => (error as { code?: string }).code,
      );
    expect(code).to.equal("topic-unknown");
  });

  it("gives a horizon that no later record lies before", async () => {
    await log().append([recordOf(topic, "a")]);
    const appends = Promise.all(Array.from({ length: 20 }, () => log().append([recordOf(topic, "b")])));
    const horizon = await log().horizon({ topic, partition: 0 });
    await appends;
    const seen = collector(() => [topic]);
    consume(seen.subscription);
    await eventually(
      "all records",
      () => seen.records.filter(({ headers }) => !isTick(headers)).length === 21,
    );
    for (const { offset, appendedAtMs } of seen.records) {
      if (offset >= horizon.end) expect(appendedAtMs).to.be.at.least(horizon.atMs);
    }
  });
}
