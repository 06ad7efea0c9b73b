import { expect } from "chai";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { inspect } from "node:util";
import { checkLog } from "../../../automation/cli/doctor/log.ts";
import type { KafkaServer } from "../../../automation/services/kafka.ts";
import type { EventLog } from "../../../data/event-log/event-log.ts";
import { openKafkaLog } from "../../../data/event-log/kafka/kafka-log.ts";
import { kafkaAddress, type KafkaSecret } from "../../../data/event-log/kafka/secret.ts";
import { MillwrightError } from "../../../model/errors.ts";
import { serverCertificate } from "../../support/certificates.ts";
import { testConsumers } from "../../support/consumers.ts";
import { eventually } from "../../support/eventually.ts";
import { realKafka } from "../../support/real-services.ts";
import { collector, recordOf, textOf } from "./contract.ts";

const USERNAME = "machine";
const PASSWORD = "right-4f1c";
const WRONG = "wrong-9d2e";
const MECHANISMS = ["plain", "scram-sha-256", "scram-sha-512"] as const;
const MODULE = "org.apache.kafka.common.security";

type Login = NonNullable<KafkaSecret["sasl"]>;

describe("Kafka behind TLS and a login", function () {
  this.timeout(180_000);
  let kafka: KafkaServer;
  let certificate: Awaited<ReturnType<typeof serverCertificate>>;
  let stranger: typeof certificate;
  before(async function () {
    [certificate, stranger] = await Promise.all([
      serverCertificate("IP:127.0.0.1"),
      serverCertificate("IP:127.0.0.1"),
    ]);
    const scram = `${MODULE}.scram.ScramLoginModule required;`;
    kafka = await realKafka(this, {
      settings: {
        // "PLAINTEXT" is no more than the name of the one listener for clients
        "listener.security.protocol.map": "PLAINTEXT:SASL_SSL,CONTROLLER:PLAINTEXT",
        "sasl.enabled.mechanisms": MECHANISMS.join(",").toUpperCase(),
        "listener.name.plaintext.plain.sasl.jaas.config": `${MODULE}.plain.PlainLoginModule required user_${USERNAME}="${PASSWORD}";`,
        "listener.name.plaintext.scram-sha-256.sasl.jaas.config": scram,
        "listener.name.plaintext.scram-sha-512.sasl.jaas.config": scram,
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": certificate.keyStoreFile,
        // The broker is a client of its own, too.
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": certificate.caFile,
      },
      scramLogins: ["SCRAM-SHA-256", "SCRAM-SHA-512"].map(
        (mechanism) => `${mechanism}=[name=${USERNAME},password=${PASSWORD}]`,
      ),
    });
  });
  after(async () => {
    await certificate.remove();
    await stranger.remove();
  });

  const opened: EventLog[] = [];
  const consume = testConsumers(); // which end before their logs are closed
  afterEach(() => Promise.all(opened.splice(0).map((log) => log.close())));

  const right: Login = { mechanism: "scram-sha-512", username: USERNAME, password: PASSWORD };
  const open = (change: Partial<KafkaSecret> = {}) => {
    const secret = { brokers: [kafka.brokers], tls: { ca: certificate.ca }, sasl: right, ...change };
    const log = openKafkaLog(kafkaAddress(secret), { clientId: "test", replicationFactor: 1 });
    opened.push(log);
    return log;
  };

  for (const mechanism of MECHANISMS) {
    it(`appends and reads as who logs in by ${mechanism}`, async () => {
      const log = open({ sasl: { ...right, mechanism } });
      const topic = `${mechanism}.readings.g1`;
      await log.ping();
      await log.createTopic(topic, 1);
      await log.append([recordOf(topic, "a")]);
      const seen = collector(() => [topic]);
      consume(log, seen.subscription);
      await eventually("the record", () => seen.records.length === 1);
      expect(textOf(seen.records[0]!)).to.equal("a");
    });
  }

  const refused: [string, () => Partial<KafkaSecret>, RegExp][] = [
    ...MECHANISMS.map((mechanism): [string, () => Partial<KafkaSecret>, RegExp] => [
      `a wrong password by ${mechanism}`,
      () => ({ sasl: { ...right, mechanism, password: WRONG } }),
      /login .* failed: check KAFKA_SASL_MECHANISM/,
    ]),
    [
      "a user whom the broker does not know",
      () => ({ sasl: { ...right, username: "nobody" } }),
      /login .* failed/,
    ],
    ["no login where one is asked for", () => ({ sasl: undefined }), /hangs up: .*KAFKA_SASL_MECHANISM/],
    [
      "a broker that an unknown authority vouches for",
      () => ({ tls: { ca: stranger.ca } }),
      /certificate .* is not trusted \([A-Z_]+\): check KAFKA_TLS_CA_FILE/,
    ],
    ["a private authority that was not named", () => ({ tls: {} }), /certificate .* is not trusted/],
    [
      "a certificate of another name",
      () => ({ brokers: [kafka.brokers.replace("127.0.0.1", "localhost")] }),
      /certificate .* is not trusted \(ERR_TLS_CERT_ALTNAME_INVALID\)/,
    ],
    ["no TLS where the broker speaks it", () => ({ tls: undefined }), /hangs up: .*KAFKA_TLS/],
  ];
  for (const [name, change, message] of refused) {
    it(`says what is wrong, and no secret: ${name}`, async () => {
      const log = open(change());
      const error = await reasonOf(log.ping());
      expect(error.code).to.equal("log-unavailable");
      expect(error.message).to.match(message);
      const shown = inspect(error, { depth: 10, showHidden: true });
      for (const secret of [PASSWORD, WRONG]) expect(shown).to.not.contain(secret);
    });
  }

  it("answers an append with the same words, when it has tried for long enough", async () => {
    const log = open({ sasl: { ...right, password: WRONG } });
    const error = await reasonOf(log.append([recordOf("any.readings.g1", "a")]));
    expect(error).to.deep.include({ code: "log-unavailable", retryable: true });
    expect(error.message).to.match(/login .* failed/);
  });

  it("tells doctor what it found, with words on what is wrong and no secret", async () => {
    const home = await mkdtemp(path.join(tmpdir(), "millwright-doctor-"));
    const passwordFile = path.join(home, "password");
    const doctor = async (password: string) => {
      await writeFile(passwordFile, password);
      return checkLog(home, {
        // any broker of the list will do
        brokers: ["127.0.0.1:1", kafka.brokers],
        tls: { caFile: certificate.caFile },
        sasl: { mechanism: "scram-sha-512", username: USERNAME, passwordFile },
        ...{ replicationFactor: undefined, writers: [] },
      });
    };
    const found = `Kafka at 127.0.0.1:1,${kafka.brokers}, 1 broker, TLS, login by scram-sha-512`;
    expect(await doctor(PASSWORD)).to.deep.equal({ check: "log", state: "ok", found });
    const wrong = await doctor(WRONG);
    expect(wrong).to.include({ check: "log", state: "wrong" }).and.to.have.property("remedy");
    expect(wrong.found).to.match(/login .* failed/);
    expect(JSON.stringify(wrong)).to.not.contain(WRONG);
    expect(await doctor(""))
      .to.have.property("found")
      .that.contains("KAFKA_SASL_PASSWORD_FILE");
    expect((await checkLog(home, undefined)).found).to.contain("embedded");
    await rm(home, { recursive: true });
  });

  it("gives up a broker that takes the connection and says nothing", async () => {
    const log = open();
    await kafka.server.freeze();
    try {
      expect((await reasonOf(log.ping())).code).to.equal("log-unavailable");
    } finally {
      await kafka.server.thaw();
    }
    await eventually("the same log works again", () => log.ping().then(() => true));
  });
});

async function reasonOf(work: Promise<unknown>): Promise<MillwrightError> {
  const error: unknown = await work.then(
    () => expect.fail("it went through"),
    (reason: unknown) => reason,
  );
  if (error instanceof MillwrightError) return error;
  throw error;
}
