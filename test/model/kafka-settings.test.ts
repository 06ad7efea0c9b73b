import { expect } from "chai";
import * as z from "zod";
import { mskRegion } from "../../data/event-log/kafka/secret.ts";
import { hostEnvironment } from "../../environment.ts";
import { kafkaContradictions, kafkaSettings, kafkaVariables } from "../../model/kafka-settings.ts";

const schema = z.object(kafkaVariables);
const BROKERS = { KAFKA_BROKERS: "kafka-1:9093, kafka-2:9093" };
const LOGIN = { KAFKA_SASL_USERNAME: "millwright", KAFKA_SASL_PASSWORD_FILE: "/run/secrets/kafka" };
const TLS = { KAFKA_TLS: "true" };

/** Settings of other parts stand beside Kafka's. */
const OTHERS = { PORT: 8080, LOG_LEVEL: "info" };

/** Names of the settings that do not fit. */
const wrongOf = (env: Readonly<Record<string, string>>) =>
  kafkaContradictions({ ...schema.parse(env), ...OTHERS }).map((message) => message.split(":")[0]);

describe("kafkaContradictions", () => {
  const fitting: Readonly<Record<string, string>>[] = [
    {},
    { KAFKA_TLS: "false" },
    BROKERS,
    { ...BROKERS, ...TLS, KAFKA_TLS_CA_FILE: "ca.pem", KAFKA_REPLICATION_FACTOR: "2" },
    { ...BROKERS, ...LOGIN, KAFKA_SASL_MECHANISM: "scram-sha-256" },
    { ...BROKERS, ...LOGIN, ...TLS, KAFKA_SASL_MECHANISM: "plain" },
    { KAFKA_BROKERS: "localhost:9092,127.0.0.1:9093", ...LOGIN, KAFKA_SASL_MECHANISM: "plain" },
    { ...BROKERS, ...TLS, KAFKA_SASL_MECHANISM: "aws-msk-iam" },
  ];
  for (const env of fitting) {
    it(`finds none in ${JSON.stringify(env)}`, () => expect(wrongOf(env)).to.deep.equal([]));
  }

  const contradicting: [Readonly<Record<string, string>>, string[]][] = [
    [{ KAFKA_SASL_MECHANISM: "plain" }, ["KAFKA_SASL_MECHANISM"]],
    [{ ...LOGIN }, ["KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD_FILE"]],
    [{ ...TLS }, ["KAFKA_TLS"]],
    [{ ...BROKERS, KAFKA_TLS_CA_FILE: "ca.pem" }, ["KAFKA_TLS_CA_FILE"]],
    [
      { ...BROKERS, KAFKA_SASL_MECHANISM: "scram-sha-512" },
      ["KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD_FILE"],
    ],
    [{ ...BROKERS, ...LOGIN }, ["KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD_FILE"]],
    [{ ...BROKERS, ...LOGIN, KAFKA_SASL_MECHANISM: "plain" }, ["KAFKA_SASL_MECHANISM"]],
    [
      { KAFKA_BROKERS: "localhost:9092,kafka-1:9092", ...LOGIN, KAFKA_SASL_MECHANISM: "plain" },
      ["KAFKA_SASL_MECHANISM"],
    ],
    [{ ...BROKERS, KAFKA_SASL_MECHANISM: "aws-msk-iam" }, ["KAFKA_TLS"]],
  ];
  for (const [env, names] of contradicting) {
    it(`names ${names.join(", ")} in ${JSON.stringify(env)}`, () => {
      expect(wrongOf(env)).to.deep.equal(names);
    });
  }
});

describe("kafkaSettings", () => {
  it("reads brokers and login, and takes no brokers for the embedded log", () => {
    const env = { ...BROKERS, ...TLS, ...LOGIN, KAFKA_SASL_MECHANISM: "scram-sha-512" };
    expect(kafkaSettings(schema.parse(env))).to.deep.equal({
      brokers: ["kafka-1:9093", "kafka-2:9093"],
      tls: { caFile: undefined },
      sasl: { mechanism: "scram-sha-512", username: "millwright", passwordFile: "/run/secrets/kafka" },
      ...{ replicationFactor: undefined, writers: [] },
    });
    expect(kafkaSettings(schema.parse({}))).to.equal(undefined);
  });

  for (const brokers of ["kafka-1", "kafka-1:", "http://kafka-1:9092", "kafka-1:9092,", "[::1]:9092"]) {
    it(`refuses '${brokers}' for brokers`, () => {
      expect(schema.safeParse({ KAFKA_BROKERS: brokers }).success).to.equal(false);
    });
  }
});

describe("mskRegion", () => {
  const names: [string, string | undefined][] = [
    ["b-1.plant.x1y2z3.c2.kafka.eu-central-1.amazonaws.com:9098", "eu-central-1"],
    ["boot-x1y2z3.c2.kafka-serverless.us-east-1.amazonaws.com:9098", "us-east-1"],
    ["b-2.plant.x1y2z3.c2.kafka.cn-north-1.amazonaws.com.cn:9098", "cn-north-1"],
    ["kafka-1:9098", undefined],
    ["b-1.kafka.eu-central-1.amazonaws.com.example.org:9098", undefined],
  ];
  for (const [broker, region] of names) {
    it(`of ${broker}`, () => expect(mskRegion(broker)).to.equal(region));
  }
});

describe("hostEnvironment", () => {
  const credentials = { AWS_ROLE_ARN: "role", AWS_WEB_IDENTITY_TOKEN_FILE: "/token" };
  it("hands on AWS's own variables to log in to Kafka by IAM, and to send", () => {
    for (const use of [
      { KAFKA_SASL_MECHANISM: "aws-msk-iam" },
      { SES_REGION: "", SNS_REGION: "eu-central-1" },
    ])
      expect(hostEnvironment({ ...credentials, ...use })).to.include(credentials);
  });
  it("keeps them back where nobody needs them, and always where the password is", () => {
    const env = { ...credentials, ...BROKERS, ...LOGIN, KAFKA_SASL_MECHANISM: "plain" };
    expect(hostEnvironment(env)).to.deep.equal({});
  });
});
