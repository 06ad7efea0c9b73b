import { expect } from "chai";
import type { KafkaCluster } from "../../../data/event-log/kafka/cluster.ts";
import { batchesOf, LeaderSender, type Batch } from "../../../data/event-log/kafka/sender.ts";

const TOPIC = "acme.readings.g1";
const NOT_LEADER = 6;
const LIMIT_MS = 5_000;

interface Produce {
  readonly topicData: readonly {
    readonly partitions: readonly {
      readonly firstSequence: number;
      readonly messages: readonly { readonly value: Buffer }[];
    }[];
  }[];
}

/** A broker that takes a batch once, as Kafka does: what comes again with the last sequences is that batch to it. */
function brokerOf(fate: (attempt: number) => "answers" | "writes and is gone" | "is no leader") {
  const written: string[] = [];
  let attempts = 0;
  let last = { first: -1, offset: 0 };
  const answer = (errorCode: number, baseOffset: number) => {
    const partitions = [{ partition: 0, errorCode, baseOffset: String(baseOffset), logAppendTime: "0" }];
    return Promise.resolve({ topics: [{ topicName: TOPIC, partitions }] });
  };
  const request = (api: string, args: Produce) => {
    if (api === "InitProducerId") return Promise.resolve({ errorCode: 0, producerId: "1", producerEpoch: 0 });
    const fated = fate(++attempts);
    if (fated === "is no leader") return answer(NOT_LEADER, -1);
    const sent = args.topicData[0]?.partitions[0];
    if (sent === undefined) throw new Error("a request of one partition");
    if (sent.firstSequence !== last.first) {
      last = { first: sent.firstSequence, offset: written.length };
      written.push(...sent.messages.map(({ value }) => value.toString()));
    }
    return fated === "answers" ? answer(0, last.offset) : Promise.reject(new Error("the connection is lost"));
  };
  return { written, cluster: { request } as unknown as KafkaCluster };
}

const batchOf = (text: string): Batch => {
  const [batch] = batchesOf([{ topic: TOPIC, partition: 0, headers: {}, value: Buffer.from(text) }]);
  if (batch === undefined) throw new Error("one record is one batch");
  return batch;
};

describe("a sender to a Kafka broker", () => {
  it("acknowledges nothing that the broker took for another batch", async () => {
    // the first try is written, its answer lost; the broker comes back, and leads the partition a moment later
    const { written, cluster } = brokerOf(
      (attempt) => (["writes and is gone", "is no leader"] as const)[attempt - 1] ?? "answers",
    );
    const sender = new LeaderSender(cluster, 1);
    const deadlineMs = performance.now() + LIMIT_MS;
    const outcomes = await Promise.all([
      sender.send(batchOf("first"), deadlineMs),
      sender.send(batchOf("second"), deadlineMs),
    ]);
    const offsets = outcomes.map((outcome) => "appended" in outcome && Number(outcome.appended.offset));
    expect(written).to.deep.equal(["first", "second"]);
    expect(offsets).to.deep.equal([0, 1]);
  });

  it("says that it does not know when the broker leaves it open to the end", async () => {
    const { cluster } = brokerOf((attempt) => (attempt === 1 ? "writes and is gone" : "is no leader"));
    const sent = new LeaderSender(cluster, 1).send(batchOf("first"), performance.now() + 300);
    const error = await sent.catch((failure: unknown) => failure);
    expect(error).to.include({ code: "log-unavailable", retryable: true });
  });
});
