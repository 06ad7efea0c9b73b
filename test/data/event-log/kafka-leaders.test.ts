import { expect } from "chai";
import { Leaders } from "../../../data/event-log/kafka/leaders.ts";
import type { TopicMetadata } from "../../../data/event-log/kafka/protocol.ts";

describe("who leads a topic", () => {
  const metadataOf = (topic: string): TopicMetadata => ({
    ...{ topic, topicErrorCode: 0 },
    partitionMetadata: [{ partitionId: 0, leader: 1 }],
  });
  /** A cluster whose answers wait until `answer` is called. */
  function slowCluster() {
    const requests: (readonly string[])[] = [];
    const open: (() => void)[] = [];
    const metadata = (topics: readonly string[]) => {
      requests.push(topics);
      const { promise, resolve }: PromiseWithResolvers<ReadonlyMap<string, TopicMetadata>> =
        Promise.withResolvers();
      open.push(() => resolve(new Map(topics.map((topic) => [topic, metadataOf(topic)]))));
      return promise;
    };
    const answer = async () => {
      open.shift()?.();
      await new Promise(setImmediate);
    };
    return { requests, answer, metadata };
  }

  it("is asked in one request at a time, which many callers share", async () => {
    const cluster = slowCluster();
    const leaders = new Leaders(cluster);
    const first = leaders.learn(["a"]);
    await new Promise(setImmediate);
    const callers = Array.from({ length: 100 }, (_, number) => leaders.learn(["a", `t-${number % 10}`]));
    expect(cluster.requests).to.deep.equal([["a"]]);
    await cluster.answer();
    await first;
    await cluster.answer();
    await Promise.all(callers);
    expect(cluster.requests).to.deep.equal([["a"], Array.from({ length: 10 }, (_, number) => `t-${number}`)]);
    expect(leaders.leaderOf({ topic: "t-9", partition: 0 })).to.equal(1);
  });

  it("is asked again by whoever comes after a failure", async () => {
    let isAway = true;
    const away = new Error("away");
    const leaders = new Leaders({
      metadata: (topics) =>
        isAway
          ? Promise.reject(away)
          : Promise.resolve(new Map(topics.map((topic) => [topic, metadataOf(topic)]))),
    });
    expect(await leaders.learn(["a"]).catch((error: unknown) => error)).to.equal(away);
    isAway = false;
    await leaders.learn(["a"]);
    expect(leaders.partitionsOf("a")).to.equal(1);
  });
});
