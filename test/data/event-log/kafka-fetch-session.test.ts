import { expect } from "chai";
import type { KafkaCluster } from "../../../data/event-log/kafka/cluster.ts";
import type { EventLog } from "../../../data/event-log/event-log.ts";
import { FetchSession } from "../../../data/event-log/kafka/fetch.ts";
import { openKafkaLog } from "../../../data/event-log/kafka/kafka-log.ts";
import type { KafkaRequests } from "../../../data/event-log/kafka/protocol.ts";
import { eventually } from "../../support/eventually.ts";
import { realKafka } from "../../support/real-services.ts";
import { collector, recordOf, textOf } from "./contract.ts";

type FetchArgs = KafkaRequests["Fetch"]["args"];

const PARTITIONS = 8;
const GROUPS = 16;
const ROUNDS = 20;

describe("fetches from a broker that keeps sessions for half of its consumers", () => {
  let log: EventLog;
  const stop = new AbortController();
  const consuming: Promise<void>[] = [];
  before(async function () {
    const settings = { "max.incremental.fetch.session.cache.slots": "8" };
    const { brokers } = await realKafka(this, { settings });
    log = openKafkaLog({ brokers: brokers.split(",") }, { clientId: "test", replicationFactor: 1 });
  });
  after(async () => {
    stop.abort();
    await Promise.all(consuming);
    await log.close();
  });

  it("bring each record once, with a session and without", async () => {
    const topics = ["acme.readings.g1", "globex.readings.g1"];
    for (const topic of topics) await log.createTopic(topic, PARTITIONS);
    const readers = Array.from({ length: GROUPS }, (_, number) =>
      collector(() => topics, { group: `group-${number}` }),
    );
    for (const { subscription } of readers) consuming.push(log.consume(subscription, stop.signal));
    const sent: string[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const partition = round % PARTITIONS;
      const values = topics.map((topic) => `${topic} ${round}`);
      await log.append(topics.map((topic, at) => recordOf(topic, values[at] ?? "", partition)));
      sent.push(...values);
      await eventually("each group has it", () =>
        readers.every(({ records }) => records.length >= sent.length),
      );
    }
    for (const { records } of readers) expect(records.map(textOf).toSorted()).to.deep.equal(sent.toSorted());
  });
});

describe("a fetch session", () => {
  const cursor = (partition: number, next: bigint) => ({ topic: "acme.readings.g1", partition, next });
  /** Asks one time after the other; a broker gives `answer` by turns. Answers what each request named. */
  async function named(
    cursors: readonly (readonly ReturnType<typeof cursor>[])[],
    answers: readonly ({ readonly errorCode: number; readonly sessionId: number } | "away")[],
  ) {
    const requests: object[] = [];
    const cluster = {
      request: (_api: string, args: FetchArgs) => {
        const { sessionId, sessionEpoch, topics, forgottenTopics } = args;
        const asked = topics.flatMap(({ partitions }) =>
          partitions.map(({ partition, fetchOffset }) => `${partition}@${fetchOffset}`),
        );
        const forgotten = forgottenTopics.flatMap(({ partitions }) => partitions);
        const answer = answers[requests.length];
        requests.push({ session: `${sessionId}/${sessionEpoch}`, asked, forgotten });
        return answer === "away" || answer === undefined
          ? Promise.reject(new Error("connection lost"))
          : Promise.resolve({ ...answer, partitions: [] });
      },
    };
    const session = new FetchSession();
    for (const one of cursors)
      await session.fetch(cluster as unknown as KafkaCluster, 1, one).catch(() => undefined);
    return requests;
  }
  const kept = { errorCode: 0, sessionId: 7 };

  it("names what has moved, and what is followed no longer", async () => {
    const requests = await named(
      [[cursor(0, 5n), cursor(1, 9n)], [cursor(0, 6n), cursor(1, 9n)], [cursor(0, 6n)]],
      [kept, kept, kept],
    );
    expect(requests).to.deep.equal([
      { session: "0/0", asked: ["0@5", "1@9"], forgotten: [] },
      { session: "7/1", asked: ["0@6"], forgotten: [] },
      { session: "7/2", asked: [], forgotten: [1] },
    ]);
  });

  for (const [why, answer] of [
    ["the broker has dropped it", { errorCode: 70, sessionId: 0 }],
    ["the broker counts otherwise", { errorCode: 71, sessionId: 7 }],
    ["the broker keeps none", { errorCode: 0, sessionId: 0 }],
    ["the broker was away", "away"],
  ] as const)
    it(`names everything again when ${why}`, async () => {
      const same = [cursor(0, 5n)];
      const requests = await named([same, same, same], [kept, answer, kept]);
      expect(requests.at(-1)).to.deep.equal({ session: "0/0", asked: ["0@5"], forgotten: [] });
    });
});
