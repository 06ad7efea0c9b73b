import { expect } from "chai";
import type { EventLog } from "../../../data/event-log/event-log.ts";
import { openKafkaLog } from "../../../data/event-log/kafka/kafka-log.ts";
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

  it("keeps once what it acknowledged, and reads on by itself", async () => {
    const random = randomFrom(seed);
    const seen = collector(() => [TOPIC]);
    const stop = new AbortController();
    const consuming = log.consume(seen.subscription, stop.signal);
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
    writing.isDone = true;
    await Promise.all(writers);
    await eventually("everything acknowledged is read", () => {
      const read = new Set(seen.records.map(textOf));
      return [...acknowledged].every((value) => read.has(value));
    });
    stop.abort();
    await consuming;
    const counts = Map.groupBy(seen.records.map(textOf), (value) => value);
    for (const value of acknowledged) expect(counts.get(value)?.length, value).to.equal(1);
    for (const value of counts.keys()) expect(acknowledged.has(value) || unknown.has(value)).to.equal(true);
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
