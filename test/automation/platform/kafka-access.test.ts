import { expect } from "chai";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { keepKafkaAccess } from "../../../automation/platform/kafka-access.ts";
import type { Catalog } from "../../../data/catalog/catalog.ts";
import { addTopic } from "../../../data/catalog/placement.ts";
import { addTenant } from "../../../data/catalog/tenant.ts";
import { folderSecretStore, type SecretStore } from "../../../data/secret-store.ts";
import { MillwrightError } from "../../../model/errors.ts";
import type { KafkaSettings } from "../../../model/kafka-settings.ts";
import { serverCertificate } from "../../support/certificates.ts";
import { testCatalog } from "../../support/catalog.ts";
import { newTenant } from "../../support/operations.ts";

const BROKERS = ["kafka-1:9093"];
const plainly: KafkaSettings = {
  brokers: BROKERS,
  tls: undefined,
  sasl: undefined,
  ...{ replicationFactor: undefined, writers: [] },
};

describe("keepKafkaAccess", () => {
  let folder: string;
  let secrets: SecretStore;
  let catalog: Catalog;
  before(async () => ({ catalog } = await testCatalog()));
  after(() => catalog.close());
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "millwright-kafka-access-"));
    secrets = folderSecretStore(path.join(folder, "secrets"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const keep = (settings: KafkaSettings | undefined) => keepKafkaAccess(settings, secrets, catalog.service);
  const fileWith = async (name: string, text: string) => {
    const file = path.join(folder, name);
    await writeFile(file, text);
    return file;
  };
  const scram = (passwordFile: string): KafkaSettings => ({
    ...plainly,
    sasl: { mechanism: "scram-sha-512", username: "millwright", passwordFile },
  });
  const refusal = async (settings: KafkaSettings | undefined) => {
    const error: unknown = await keep(settings).then(
      () => expect.fail("it was taken"),
      (reason: unknown) => reason,
    );
    if (!(error instanceof MillwrightError)) throw error;
    expect(error.code).to.equal("setting-invalid");
    return error.message;
  };

  it("keeps what the files hold, for the handler host to find", async () => {
    const certificate = await serverCertificate("DNS:kafka-1");
    const passwordFile = await fileWith("password", "right\n");
    const tls = { caFile: certificate.caFile };
    const kept = await keep({ ...scram(passwordFile), tls, replicationFactor: 2 });
    await certificate.remove();
    expect(kept).to.deep.equal({
      brokers: BROKERS,
      tls: { ca: certificate.ca },
      sasl: { mechanism: "scram-sha-512", username: "millwright", password: "right" },
      replicationFactor: 2,
    });
    expect(await secrets.get("kafka")).to.deep.equal(kept);
  });

  it("forgets it when Kafka is no longer set", async () => {
    await keep(plainly);
    expect(await keep(undefined)).to.equal(undefined);
    expect(await secrets.get("kafka")).to.equal(undefined);
  });

  it("finds the region that IAM signs for in the brokers' names, and asks for MSK's", async () => {
    const iam: KafkaSettings = {
      ...plainly,
      tls: { caFile: undefined },
      sasl: { mechanism: "aws-msk-iam" },
      brokers: ["b-1.plant.x1y2z3.c2.kafka.eu-central-1.amazonaws.com:9098"],
    };
    expect((await keep(iam))?.sasl).to.deep.equal({ mechanism: "aws-msk-iam", region: "eu-central-1" });
    expect(await refusal({ ...iam, brokers: BROKERS })).to.contain("KAFKA_SASL_MECHANISM: aws-msk-iam");
  });

  it("names the file that cannot be used, and shows nothing of it", async () => {
    const missing = path.join(folder, "missing");
    expect(await refusal(scram(missing))).to.contain(
      `KAFKA_SASL_PASSWORD_FILE: ${missing} cannot be read (ENOENT)`,
    );
    const empty = await fileWith("empty", " \n");
    expect(await refusal(scram(empty))).to.contain(`KAFKA_SASL_PASSWORD_FILE: ${empty} is empty`);
    const mistaken = await fileWith("ca.pem", "the password, by mistake");
    const message = await refusal({ ...plainly, tls: { caFile: mistaken } });
    expect(message)
      .to.contain(`KAFKA_TLS_CA_FILE: ${mistaken} holds no certificate`)
      .and.not.contain("mistake.");
    expect(await secrets.get("kafka"), "nothing is kept of a refused start").to.equal(undefined);
  });

  it("stays with the log that holds the tenants' topics", async () => {
    const tenant = newTenant("acme");
    await addTenant(catalog.service, tenant);
    const topic = { topic: "acme.readings.g1", stream: "readings" as const, generation: 1, partitions: 2 };
    await addTopic(catalog.service, { ...topic, tenant: tenant.id });

    expect(await refusal(plainly)).to.contain("KAFKA_BROKERS: the tenants of this home have their topics in");
    await secrets.put("kafka", { brokers: ["kafka-0:9092"] });
    expect(await refusal(undefined)).to.contain("set KAFKA_BROKERS as before");
    expect(await secrets.get("kafka"), "kept for the next start").to.deep.equal({
      brokers: ["kafka-0:9092"],
    });
    expect((await keep(plainly))?.brokers, "other brokers of the same cluster").to.deep.equal(BROKERS);
  });
});
