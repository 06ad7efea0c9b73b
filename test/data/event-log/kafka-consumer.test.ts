import { expect } from "chai";
import type { KafkaCluster } from "../../../data/event-log/kafka/cluster.ts";
import { KafkaConsumer } from "../../../data/event-log/kafka/consumer.ts";
import { collector } from "./contract.ts";

const TOPIC = "acme.readings.g1";
const FETCHES = 20;

describe("a Kafka consumer", () => {
  it("begins a fetch 10 ms after the one before, however fast the broker answers", async () => {
    const stop = new AbortController();
    const fetchedAt: number[] = [];
    // No real broker answers each fetch at once, on a machine that is busy least of all.
    const cluster = {
      metadata: () =>
        Promise.resolve(new Map([[TOPIC, { partitionMetadata: [{ partitionId: 0, leader: 1 }] }]])),
      request: (api: string) => {
        if (api !== "Fetch") return Promise.reject(new Error("there is no group"));
        if (fetchedAt.push(performance.now()) === FETCHES) stop.abort();
        return Promise.resolve({ errorCode: 0, sessionId: 7, partitions: [] });
      },
      close: () => Promise.resolve(),
    } as unknown as KafkaCluster;
    const bounds = () => Promise.resolve({ start: 0n, end: 0n });
    const { subscription } = collector(() => [TOPIC]);
    await new KafkaConsumer(
      () => cluster,
      subscription,
      bounds,
      () => undefined,
    ).run(stop.signal);

    expect(fetchedAt).to.have.length(FETCHES);
    const elapsedMs = (fetchedAt.at(-1) ?? 0) - (fetchedAt[0] ?? 0);
    expect(elapsedMs).to.be.at.least((FETCHES - 1) * 9); // timers may come a millisecond early
  });
});
