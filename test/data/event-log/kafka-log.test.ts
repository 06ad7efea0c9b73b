import { openKafkaLog } from "../../../data/event-log/kafka/kafka-log.ts";
import type { EventLog } from "../../../data/event-log/event-log.ts";
import { eventLogContract } from "./contract.ts";

describe("Kafka log", () => {
  let log: EventLog;
  before(() => {
    log = openKafkaLog(
      { brokers: ["127.0.0.1:29192"] },
      { clientId: "test", replicationFactor: 1, onError: (e, g) => console.log(g, e) },
    );
  });
  after(() => log.close());
  eventLogContract(() => log);
});
