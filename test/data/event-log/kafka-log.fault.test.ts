import { setTimeout as delay } from "node:timers/promises";
import { expect } from "chai";
import { Kafka, logLevel } from "kafkajs";
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

  // kafkajs fails a connection's requests when it ends, unless one of the broker's other connections has ended before.
  it("fails whatever was under way at a broker that dies, on both of its connections", async () => {
    const address = { brokers: kafka.brokers.split(",") };
    const [first, second] = [new KafkaCluster(address, "test"), new KafkaCluster(address, "test")];
    const failed = (work: Promise<unknown>) =>
      work.then(
        () => "answered",
        () => "failed",
      );
    try {
      const metadata = await second.metadata([TOPIC]);
      const leader = metadata.get(TOPIC)?.partitionMetadata[0]?.leader;
      const { end } = await log.bounds({ topic: TOPIC, partition: 0 });
      const fetching = failed(second.request("Fetch", fetchFrom(end), leader));
      await (
        await join(first)
      ).done; // and never again, so the next one to join waits for it
      const joining = failed((await join(second)).done);
      await eventually(
        "the group waits",
        async () => (await groupState(address.brokers)) === "PreparingRebalance",
      );
      await kafka.server.kill();
      const outcomes = Promise.all([fetching, joining]);
      expect(await Promise.race([outcomes, delay(5_000, "waiting for ever")])).to.deep.equal([
        "failed",
        "failed",
      ]);
    } finally {
      await kafka.server.start();
      await Promise.all([first.close(), second.close()]);
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

const WAIT_MS = 20_000;
const GROUP = "waiting";

function fetchFrom(end: bigint) {
  const bytes = { minBytes: 1, maxBytes: 1_000_000 };
  const partitions = [{ partition: 0, fetchOffset: String(end), maxBytes: 1_000_000 }];
  return { isolationLevel: 0, maxWaitTime: WAIT_MS, ...bytes, topics: [{ topic: TOPIC, partitions }] };
}

/** Sends the request to join; `done` resolves when all members have come. */
async function join(cluster: KafkaCluster): Promise<{ readonly done: Promise<unknown> }> {
  const args = {
    ...{ groupId: GROUP, sessionTimeout: WAIT_MS, rebalanceTimeout: WAIT_MS, protocolType: "test" },
    groupProtocols: [{ name: "any", metadata: Buffer.alloc(0) }],
  };
  // a broker that has just started knows no groups yet
  const { memberId, nodeId } = await eventually("a place in the group", async () => {
    const { coordinator } = await cluster.request("GroupCoordinator", { groupId: GROUP, coordinatorType: 0 });
    cluster.meet(coordinator);
    const answer = await cluster.request("JoinGroup", { ...args, memberId: "" }, coordinator.nodeId);
    return answer.memberId !== "" && { memberId: answer.memberId, nodeId: coordinator.nodeId };
  });
  return { done: cluster.request("JoinGroup", { ...args, memberId }, nodeId) };
}

async function groupState(brokers: readonly string[]): Promise<string | undefined> {
  const admin = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    return (await admin.describeGroups([GROUP])).groups[0]?.state;
  } finally {
    await admin.disconnect();
  }
}
