import { expect } from "chai";
import type { KafkaServer } from "../../../automation/services/kafka.ts";
import type { EventLog } from "../../../data/event-log/event-log.ts";
import { openKafkaLog } from "../../../data/event-log/kafka/kafka-log.ts";
import { kafkaAddress } from "../../../data/event-log/kafka/secret.ts";
import { allowWriters } from "../../../data/event-log/kafka/writers.ts";
import { eventually } from "../../support/eventually.ts";
import { realKafka } from "../../support/real-services.ts";
import { recordOf } from "./contract.ts";

const ADMIN = "service";
const ENTRANCE = "millwright-machines";
const PASSWORD = "right-4f1c";
const TOPIC = "acme.readings.g1";

describe("Kafka where who has no rule may do nothing, as on MSK", function () {
  this.timeout(180_000);
  let kafka: KafkaServer;
  before(async function () {
    kafka = await realKafka(this, {
      settings: {
        "listener.security.protocol.map": "PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT",
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.plaintext.scram-sha-512.sasl.jaas.config":
          "org.apache.kafka.common.security.scram.ScramLoginModule required " +
          `username="${ADMIN}" password="${PASSWORD}";`,
        "sasl.mechanism.inter.broker.protocol": "SCRAM-SHA-512",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": `User:${ADMIN};User:ANONYMOUS`, // the controller's listener knows no names
        "allow.everyone.if.no.acl.found": "false",
      },
      scramLogins: [ADMIN, ENTRANCE].map((name) => `SCRAM-SHA-512=[name=${name},password=${PASSWORD}]`),
    });
  });

  const opened: EventLog[] = [];
  afterEach(() => Promise.all(opened.splice(0).map((log) => log.close())));
  const addressOf = (username: string) =>
    kafkaAddress({
      ...{ brokers: [kafka.brokers], tls: undefined, replicationFactor: undefined },
      sasl: { mechanism: "scram-sha-512", username, password: PASSWORD },
    });
  const logOf = (username: string) => {
    const log = openKafkaLog(addressOf(username), { clientId: "test", replicationFactor: 1 });
    opened.push(log);
    return log;
  };
  const isRefused = async (work: Promise<unknown>) =>
    work.then(
      () => false,
      () => true,
    );

  it("lets an entrance write into topics, also twice told, and neither read nor make nor drop them", async () => {
    const entrance = logOf(ENTRANCE);
    await logOf(ADMIN).createTopic(TOPIC, 1);
    expect(await isRefused(entrance.append([recordOf(TOPIC, "a")])), "before").to.equal(true);
    await allowWriters(addressOf(ADMIN), [ENTRANCE]);
    await allowWriters(addressOf(ADMIN), [ENTRANCE]);
    await eventually(
      "the rule is known",
      async () => !(await isRefused(entrance.append([recordOf(TOPIC, "b")]))),
    );
    expect(await isRefused(entrance.createTopic("acme.readings.g2", 1)), "make").to.equal(true);
    expect(await isRefused(entrance.dropTopic(TOPIC)), "drop").to.equal(true);
    const from = { topic: TOPIC, partition: 0, offset: 0n };
    expect(await isRefused(entrance.read(from)), "read").to.equal(true);
  });
});
