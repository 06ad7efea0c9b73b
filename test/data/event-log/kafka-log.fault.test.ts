import { setTimeout as delay } from "node:timers/promises";
import { expect } from "chai";
import type { EventLog } from "../../../data/event-log/event-log.ts";
import { KafkaCluster } from "../../../data/event-log/kafka/cluster.ts";
import { openKafkaLog } from "../../../data/event-log/kafka/kafka-log.ts";
import { testConsumers } from "../../support/consumers.ts";
import { eventually } from "../../support/eventually.ts";
import { realKafka } from "../../support/real-services.ts";
import { randomFrom, seed } from "../../support/seed.ts";
import { collector, recordOf, textOf } from "./contract.ts";

const TOPIC = "acme.readings.g1";

describe(`Kafka log under a broker that dies and stands still (seed ${seed})`, function () {
  this.timeout(300_000);
  let kafka: Awaited<ReturnType<typeof realKafka>>;
  let log: EventLog;
  before(async function () {
    kafka = await realKafka(this);
    log = openKafkaLog({ brokers: kafka.brokers.split(",") }, { clientId: "test" });
    await log.createTopic(TOPIC, 2);
  });
  after(() => log.close());
  const consume = testConsumers();

  it("keeps once what it acknowledged, and reads on by itself", async () => {
    const random = randomFrom(seed);
    const seen = collector(() => [TOPIC]);
    consume(log, seen.subscription);
    const acknowledged = new Set<string>();
    const unknown = new Set<string>();
    const writing = { isDone: false };
    const writers = Array.from({ length: 8 }, async (_, writer) => {
      for (let n = 0; !writing.isDone; n++) {
        const value = `${writer}:${n}`;
        await log.append([recordOf(TOPIC, value, n % 2)]).then(
          () => acknowledged.add(value),
          (error: unknown) => {
            expect(error).to.deep.include({ code: "log-unavailable", retryable: true });
            unknown.add(value);
          },
        );
      }
    });
    const progress = (what: string) => {
      const before = acknowledged.size;
      return eventually(what, () => acknowledged.size > before + 50, 60_000);
    };
    try {
      for (let round = 0; round < 3; round++) {
        await progress("appends before the fault");
        if (round === 0 || (round > 1 && random() < 0.5)) {
          await kafka.server.kill();
          await kafka.server.start();
        } else {
          const before = unknown.size;
          await kafka.server.freeze();
          await eventually("appends are given up", () => unknown.size > before, 60_000);
          await kafka.server.thaw();
        }
      }
      await progress("appends after the faults");
    } finally {
      writing.isDone = true;
      await Promise.all(writers);
    }
    await eventually("everything acknowledged is read", () => {
      const read = new Set(seen.records.map(textOf));
      return [...acknowledged].every((value) => read.has(value));
    });
    const counts = Map.groupBy(seen.records.map(textOf), (value) => value);
    for (const value of acknowledged) expect(counts.get(value)?.length, value).to.equal(1);
    for (const value of counts.keys()) expect(acknowledged.has(value) || unknown.has(value)).to.equal(true);
  });

  // kafkajs would look at no time-out of the others any more: a fetch that hangs so is a partition that nobody reads on.
  it("fails with one request all that are under way at its broker", async () => {
    const cluster = new KafkaCluster({ brokers: kafka.brokers.split(",") }, "test");
    const failed = (work: Promise<unknown>) =>
      work.then(
        () => "answered",
        () => "failed",
      );
    try {
      const metadata = await cluster.metadata([TOPIC]);
      const leader = metadata.get(TOPIC)?.partitionMetadata[0]?.leader;
      const { end } = await log.bounds({ topic: TOPIC, partition: 0 });
      await kafka.server.freeze();
      const fetching = failed(cluster.request("Fetch", longFetch(end), leader)); // has more time than the other
      expect(await failed(cluster.metadata([TOPIC]))).to.equal("failed");
      expect(await Promise.race([fetching, delay(2_000, "waiting")])).to.equal("failed");
    } finally {
      await kafka.server.thaw();
      await cluster.close();
    }
  });

  it("answers an append within seconds while there is no broker, and takes it when there is one", async () => {
    await kafka.server.kill();
    const refused = await log.append([recordOf(TOPIC, "nobody")]).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(refused).to.deep.include({ code: "log-unavailable", retryable: true });
    await kafka.server.start();
    await eventually("an append", () => log.append([recordOf(TOPIC, "again")]).then(() => true));
  });
});

/** Waits at the end of the partition for what does not come. */
function longFetch(end: bigint) {
  const partitions = [{ partition: 0, fetchOffset: String(end), maxBytes: 1_000_000 }];
  const limits = { maxWaitTime: 20_000, minBytes: 1, maxBytes: 1_000_000 };
  const alone = { sessionId: 0, sessionEpoch: -1, forgottenTopics: [] };
  return { isolationLevel: 0, ...limits, ...alone, topics: [{ topic: TOPIC, partitions }] };
}
