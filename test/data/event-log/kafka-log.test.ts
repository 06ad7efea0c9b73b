import { mkdtemp, readdir, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import kafkajs, { Kafka, logLevel, type Producer } from "kafkajs";
import type { EventLog, LogRecord, Subscription } from "../../../data/event-log/event-log.ts";
import { openKafkaLog } from "../../../data/event-log/kafka/kafka-log.ts";
import { testConsumers } from "../../support/consumers.ts";
import { eventually } from "../../support/eventually.ts";
import { realKafka } from "../../support/real-services.ts";
import { collector, eventLogContract, recordOf, textOf } from "./contract.ts";

describe("Kafka log", () => {
  let folder: string;
  let brokers: readonly string[];
  let log: EventLog;
  before(async function () {
    folder = await mkdtemp(path.join(tmpdir(), "millwright-kafka-"));
    brokers = (await realKafka(this, { folder })).brokers.split(",");
    log = openKafkaLog({ brokers }, { clientId: "test", replicationFactor: 1 });
  });
  after(() => log.close());

  eventLogContract(() => log);

  const consumeFrom = testConsumers();
  const consume = (subscription: Subscription) => consumeFrom(log, subscription);

  it("makes a topic that keeps records for as long as it is told, by the broker's clock", async () => {
    const topic = "kept.readings.g1";
    await log.createTopic(topic, 3, { retentionMs: 12_345_678 });
    const admin = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic }],
    });
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    await admin.disconnect();
    const valueOf = (name: string) =>
      resources[0]?.configEntries.find(({ configName }) => configName === name)?.configValue;
    expect(valueOf("retention.ms")).to.equal("12345678");
    expect(valueOf("message.timestamp.type")).to.equal("LogAppendTime");
    expect(topics[0]?.partitions).to.have.length(3);
    const limits = { maxAgeMs: 12_345_678, maxBytesPerPartition: Infinity };
    expect(await log.retention(topic)).to.deep.equal(limits);
  });

  it("keeps a broker's index files small, whose first pages thousands of partitions write at once", async () => {
    const topic = "indexed.readings.g1";
    await log.createTopic(topic, 1);
    await log.append([recordOf(topic, "a")]);
    const partition = path.join(folder, "data", `${topic}-0`);
    const names = (await readdir(partition)).filter((name) => name.endsWith("index")).toSorted();
    const sizes = await Promise.all(names.map(async (name) => (await stat(path.join(partition, name))).size));
    expect(names.map((name) => path.extname(name))).to.deep.equal([".index", ".timeindex"]);
    expect(Math.max(...sizes)).to.be.at.most(512 << 10);
  });

  it("passes over what transactions leave behind, and says which offsets are of no record", async () => {
    const topic = "holes.readings.g1";
    await log.createTopic(topic, 1);
    const [slow, fast] = await Promise.all([transactional(brokers, "slow"), transactional(brokers, "fast")]);
    const messages = (...values: string[]) => ({ topic, messages: values.map((value) => ({ value })) });
    await log.append([recordOf(topic, "a")]);
    // The aborted transaction that begins first ends last, and has a committed and an aborted one inside.
    const outer = await slow.transaction();
    await outer.send(messages("never", "never"));
    const inner = await fast.transaction();
    await inner.send(messages("b"));
    await inner.commit();
    const other = await fast.transaction();
    await other.send(messages("never"));
    await other.abort();
    await outer.send(messages("never"));
    await outer.abort();
    await log.append([recordOf(topic, "c"), recordOf(topic, "d")]);
    await Promise.all([slow.disconnect(), fast.disconnect()]);

    const read = async (from: bigint) => {
      const seen = collector(() => [topic]);
      seen.positions.set(`${topic}/0`, from);
      const end = consume(seen.subscription);
      await eventually(
        "the last record",
        () => seen.records.at(-1) !== undefined && textOf(seen.records.at(-1)!) === "d",
      );
      await end();
      return seen.records;
    };
    const all = await read(0n);
    expect(all.map(textOf)).to.deep.equal(["a", "b", "c", "d"]);
    let next = 0n;
    for (const { coversFrom, offset } of all) {
      expect(coversFrom).to.equal(next);
      next = offset + 1n;
    }
    expect((await log.read({ topic, partition: 0, offset: 0n })).records).to.deep.equal(all);
    // from each place in the middle: nothing of an aborted transaction comes through, nothing that is committed is left out
    for (let from = 0n; from < next; from += 1n) {
      const rest = await read(from);
      expect(rest.map(textOf)).to.deep.equal(all.filter(({ offset }) => offset >= from).map(textOf));
      expect(rest[0]?.coversFrom).to.equal(from);
    }
  });

  it("stops a partition whose records are compressed, and reads the others on", async () => {
    const [foreign, ours] = ["foreign.readings.g1", "ours.readings.g1"] as const;
    const client = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING });
    const [admin, producer] = [client.admin(), client.producer()];
    await Promise.all([admin.connect(), producer.connect()]);
    await admin.createTopics({ topics: [{ topic: foreign, numPartitions: 1 }], waitForLeaders: false });
    const messages = [{ value: "x".repeat(1_000) }];
    await producer.send({ topic: foreign, messages, compression: kafkajs.CompressionTypes.GZIP });
    await Promise.all([admin.disconnect(), producer.disconnect()]);
    await log.createTopic(ours, 1);
    const seen = collector(() => [foreign, ours], { group: "foreign" });
    consume(seen.subscription);
    for (const value of ["a", "b"]) {
      await log.append([recordOf(ours, value)]);
      await eventually(`record ${value}`, () => seen.records.some((record) => textOf(record) === value));
    }
    expect(seen.records.map(textOf)).to.deep.equal(["a", "b"]);
  });

  it("tells how many records wait while a batch is handled", async () => {
    const topic = "lag.readings.g1";
    await log.createTopic(topic, 1);
    await log.append([recordOf(topic, "a")]);
    const entered: PromiseWithResolvers<void> = Promise.withResolvers();
    const leave: PromiseWithResolvers<void> = Promise.withResolvers();
    const handle = async () => {
      entered.resolve();
      await leave.promise;
      return [];
    };
    const seen = collector(() => [topic], { group: "lag", handle });
    consume(seen.subscription);
    const lag = async () => (await log.lags()).find(({ group }) => group === "lag")?.records;
    await entered.promise; // a lag of none would also be told before the first fetch
    try {
      await log.append([recordOf(topic, "b"), recordOf(topic, "c")]);
      await eventually("two wait", async () => (await lag()) === 2);
    } finally {
      leave.resolve();
    }
    await eventually("none waits", async () => (await lag()) === 0);
  });

  // A failover may have taken stored positions back, also those of partitions where nothing is appended any more.
  it("asks for all positions again when the consumer's database was away", async () => {
    const topic = "back.readings.g1";
    await log.createTopic(topic, 2);
    await log.append([recordOf(topic, "a", 0), recordOf(topic, "b", 1)]);
    const database = { isAway: false, refusals: 0 };
    const topics = () => {
      if (!database.isAway) return Promise.resolve([topic]);
      database.refusals++;
      return Promise.reject(new Error("away"));
    };
    const seen = collector(() => [topic], { group: "back", topics });
    consume(seen.subscription);
    await eventually("both records", () => seen.records.length === 2);
    database.isAway = true;
    seen.positions.clear();
    await eventually("the outage is noticed", () => database.refusals > 0);
    database.isAway = false;
    await eventually("both again", () => seen.records.length === 4);
    expect(seen.records.slice(2).map(textOf)).to.have.members(["a", "b"]);
  });

  it("shares the partitions of a group, and takes over those of a member that leaves", async () => {
    const topic = "shared.readings.g1";
    const count = 32; // of 8 partitions one of two members gets none in 1 of 114 groups
    await log.createTopic(topic, count);
    const partitions = Array.from({ length: count }, (_, partition) => partition);
    const append = (value: string) =>
      log.append(partitions.map((partition) => recordOf(topic, value, partition)));
    const positions = new Map<string, bigint>();
    const member = () => {
      const seen = collector(() => [topic], {
        group: "shared",
        position: (partition) => Promise.resolve(positions.get(seen.key(partition)) ?? 0n),
        handle: (batch) => {
          seen.records.push(...batch);
          for (const record of batch) positions.set(seen.key(record), record.offset + 1n);
          return Promise.resolve([]);
        },
      });
      return { records: seen.records, leave: consume(seen.subscription) };
    };
    const readBy = ({ records }: { records: readonly LogRecord[] }, value: string) =>
      records.filter((record) => textOf(record) === value).map(({ partition }) => partition);

    const [one, two] = [member(), member()];
    let round = 0;
    await eventually("each partition is read by one of the two", async () => {
      const value = `round ${++round}`;
      await append(value);
      await eventually(
        "all partitions",
        () => new Set([one, two].flatMap((m) => readBy(m, value))).size === count,
      );
      const [mine, others] = [readBy(one, value), readBy(two, value)];
      return mine.length > 0 && others.length > 0 && mine.length + others.length === count;
    });
    await one.leave();
    await append("alone");
    await eventually("the other reads all of them", () => readBy(two, "alone").length === count);
    await two.leave();
  });
});

async function transactional(brokers: readonly string[], transactionalId: string): Promise<Producer> {
  const kafka = new Kafka({ brokers: [...brokers], clientId: "test", logLevel: logLevel.NOTHING });
  const producer = kafka.producer({ transactionalId, maxInFlightRequests: 1, idempotent: true });
  await producer.connect();
  return producer;
}
