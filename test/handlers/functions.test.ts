import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { listAlerts } from "../../data/catalog/alert.ts";
import { inTenant } from "../../data/catalog/catalog.ts";
import { registerCell } from "../../data/catalog/cell.ts";
import { createChannel } from "../../data/catalog/channel.ts";
import { createRule } from "../../data/catalog/rule.ts";
import { addTenant } from "../../data/catalog/tenant.ts";
import type { EventLog, LogRecord } from "../../data/event-log/event-log.ts";
import { openKafkaLog } from "../../data/event-log/kafka/kafka-log.ts";
import { buildHandlers, type HandlerBundle } from "../../handlers/bundle.ts";
import { channelBody } from "../../model/channel.ts";
import { tenantNames, topicName, type TenantId } from "../../model/tenant.ts";
import { ruleOf } from "../support/alert-plant.ts";
import { testCatalog, type TestCatalog } from "../support/catalog.ts";
import { asCellRole, testTenant } from "../support/cell.ts";
import { ingestCell, type IngestCell } from "../support/ingest-cell.ts";
import { bringSdk, mskEvent, startFunction } from "../support/lambda-function.ts";
import { machineReading } from "../support/log-records.ts";
import { motoServer } from "../support/notify-servers.ts";
import { deliveriesOf } from "../support/outbox.ts";
import { realKafka } from "../support/real-services.ts";
import { TEST_CHANNEL_KEY, testSealer } from "../support/sealer.ts";

const REGION = "eu-central-1";
const ACCOUNT = "123456789012";
const CELL = "shared-1";
const CERTIFICATE_SCRIPT = path.resolve(
  import.meta.dirname,
  "../../components/aws/timescale/files/certificate.sh",
);
const MAX_BUNDLE_BYTES = 700_000;

describe("the functions of Lambda, bundled, in bare processes (Kafka, PostgreSQL, moto)", function () {
  this.timeout(120_000);
  let folder: string;
  let bundles: readonly HandlerBundle[];
  let moto: Awaited<ReturnType<typeof motoServer>>;
  let cell: IngestCell;
  let test: TestCatalog;
  let log: EventLog;
  let variables: Record<string, string>;
  let tenantCount = 0;
  const running: ReturnType<typeof startFunction>[] = [];

  before(async function () {
    this.timeout(600_000); // the first time Kafka and moto are installed
    const kafka = await realKafka(this);
    moto = await motoServer(this);
    folder = await mkdtemp(path.join(tmpdir(), "millwright-functions-"));
    bundles = await buildHandlers(folder);
    await bringSdk(folder);
    cell = await ingestCell();
    test = await testCatalog();
    await registerCell(test.catalog.service, { name: CELL, tier: "shared", tenantCapacity: 100 });
    log = openKafkaLog({ brokers: kafka.brokers.split(",") }, { clientId: "test", replicationFactor: 1 });
    const { host, port, database } = test.admin;
    const { ingest } = cell.secret;
    // A login of its own: the test changes its password, and all suites of a process share the cluster's roles.
    await cell.admin(`create role function_ingest login in role ${ingest.user} password 'first'`);
    await cell.admin(`grant connect on database ${cell.secret.database} to function_ingest`);
    await putSecret("cell", ingestLogin("first"));
    await putSecret("catalog", {
      ...{ host, port, database },
      ...{ user: "millwright_service", password: test.passwords.service },
    });
    await putSecret("channel-key", TEST_CHANNEL_KEY);
    variables = {
      ...{ AWS_REGION: REGION, AWS_ACCESS_KEY_ID: "testing", AWS_SECRET_ACCESS_KEY: "testing" },
      ...{ AWS_SESSION_TOKEN: "testing", AWS_ENDPOINT_URL: moto.url, SNS_REGION: REGION },
      ...{ CELL, CELL_SECRET: "cell", CATALOG_SECRET: "catalog", CHANNEL_KEY_SECRET: "channel-key" },
      KAFKA_BROKERS: kafka.brokers,
    };
  });
  afterEach(() => Promise.all(running.splice(0).map((each) => each.end())));
  after(async () => {
    await Promise.all([log.close(), cell.close(), test.catalog.close(), moto.close()]);
    await cell.admin(`drop owned by function_ingest`);
    await cell.admin(`drop role function_ingest`);
    await rm(folder, { recursive: true });
  });

  const ingestLogin = (password: string) => {
    const { host, port, database } = cell.secret;
    return { host, port, database, user: "function_ingest", password };
  };

  /** By hand: shares no code with what reads it. */
  async function ask(service: string, headers: Record<string, string>, body: string): Promise<void> {
    const scope = `Credential=testing/20261121/${REGION}/${service}/aws4_request`;
    const authorization = `AWS4-HMAC-SHA256 ${scope}, SignedHeaders=host, Signature=0`;
    const request = { method: "POST", headers: { ...headers, authorization }, body };
    const response = await fetch(moto.url, request);
    expect(response.status, await response.text()).to.equal(200);
  }
  const askSecrets = (action: string, body: object) =>
    ask(
      "secretsmanager",
      { "content-type": "application/x-amz-json-1.1", "x-amz-target": `secretsmanager.${action}` },
      JSON.stringify(body),
    );
  const putSecret = (name: string, secret: object | string) =>
    askSecrets("CreateSecret", {
      Name: name,
      SecretString: typeof secret === "string" ? secret : JSON.stringify(secret),
    });

  async function newTenant(): Promise<{ tenant: TenantId; topic: string }> {
    const id = `lambda-${++tenantCount}`;
    const { service } = test.catalog;
    const tenant = await testTenant(cell.secret, id);
    const topic = topicName(tenant, "readings", 1);
    const facts = { name: id, tier: "shared" as const, machines: 10, budgetUsdPerMonth: null, contacts: [] };
    await addTenant(service, { id: tenant, ...facts });
    await service.query(
      `with placed as (insert into tenant_placement (tenant, cell, database, schema, epoch, state)
                       values ($1, $2, $3, $4, 1, 'stable')),
            topics as (insert into topic (topic, tenant, stream, generation, partitions)
                       values ($5, $1, 'readings', 1, 2))
       update tenant set state = 'ready' where tenant = $1`,
      [tenant, CELL, cell.secret.database, tenantNames(tenant).schema, topic],
    );
    await log.createTopic(topic, 2);
    return { tenant, topic };
  }

  /** Appends so many records of one reading each. @returns all records of the partition */
  async function append(topic: string, count: number, values: object = {}): Promise<readonly LogRecord[]> {
    const reading = machineReading({ ts: new Date().toISOString() });
    const value = Buffer.from(JSON.stringify([{ ...reading, values: { ...reading.values, ...values } }]));
    const record = { topic, partition: 0, headers: { source: "live" }, value };
    await log.append(Array.from({ length: count }, () => record));
    return (await log.read({ topic, partition: 0, offset: 0n })).records;
  }

  /** As a server of ours makes it at its first start. */
  async function ownCertificate(name: string) {
    const tls = path.join(folder, name);
    await promisify(execFile)("bash", [CERTIFICATE_SCRIPT, tls, "127.0.0.1"]);
    const certificateFile = path.join(tls, "server.crt");
    const certificate = await readFile(certificateFile, "utf8");
    return { certificate, certificateFile, keyFile: path.join(tls, "server.key") };
  }

  function start(name: string, env: Readonly<Record<string, string>> = {}) {
    const started = startFunction(path.join(folder, name), { ...variables, ...env });
    running.push(started);
    return started;
  }

  it("are smaller than 700 KB each", () => {
    expect(bundles.map(({ name }) => name)).to.include.members(["alert", "ingest", "notify"]);
    for (const { name, bytes } of bundles) expect(bytes, name).to.be.below(MAX_BUNDLE_BYTES);
  });

  it("store a delivery once, and what was left out before the next one from Kafka", async () => {
    const { tenant, topic } = await newTenant();
    const ingest = start("ingest");
    const first = await append(topic, 3);
    expect(await ingest.invoke(mskEvent(first))).to.equal(undefined);
    expect(await ingest.invoke(mskEvent(first)), "delivered again").to.equal(undefined);
    expect(await cell.offsets(tenant)).to.deep.equal([0, 1, 2]);

    const all = await append(topic, 4);
    expect(await ingest.invoke(mskEvent(all.slice(-1)))).to.equal(undefined);
    expect(await cell.offsets(tenant)).to.deep.equal([0, 1, 2, 3, 4, 5, 6]);
  });

  it("store a machine's message as IoT Core wrote it, once, and keep one that says nothing", async () => {
    const { tenant, topic } = await newTenant();
    const ingest = start("ingest");
    const message = {
      batchId: "1",
      readings: [{ type: "machine", timestamp: Date.now() / 1_000, power_watts: 7 }],
    };
    const payloads = [JSON.stringify(message), JSON.stringify(message), "{"];
    await log.append(
      payloads.map((payload) => ({
        ...{ topic, partition: 0, headers: { "mqtt-topic": "sensors/m-001/telemetry", source: "live" } },
        value: Buffer.from(JSON.stringify({ payload: Buffer.from(payload).toString("base64") })),
      })),
    );
    const { records } = await log.read({ topic, partition: 0, offset: 0n });
    expect(await ingest.invoke(mskEvent(records))).to.equal(undefined);
    expect(await cell.offsets(tenant)).to.deep.equal([0]);
    expect(await cell.deadLetters(tenant)).to.deep.equal([{ reason: "record-undecodable", place: 2 }]);
  });

  it("go on with the password that a rotation has brought", async () => {
    const { tenant, topic } = await newTenant();
    const ingest = start("ingest");
    expect(await ingest.invoke(mskEvent(await append(topic, 1)))).to.equal(undefined);

    await cell.admin("alter role function_ingest password 'second'");
    await askSecrets("PutSecretValue", {
      SecretId: "cell",
      SecretString: JSON.stringify(ingestLogin("second")),
    });
    const sessions =
      "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'function_ingest'";
    await asCellRole(cell.secret, "admin", (client) => client.query(sessions));
    expect(await ingest.invoke(mskEvent(await append(topic, 1)))).to.equal(undefined);
    expect(await cell.offsets(tenant)).to.deep.equal([0, 1]);
  });

  it("log in only to a server with the certificate that the secret pins", async () => {
    const { tenant, topic } = await newTenant();
    const [own, other] = await Promise.all(["own", "other"].map((name) => ownCertificate(name)));
    await cell.admin(`alter system set ssl_cert_file = '${own!.certificateFile}'`);
    await cell.admin(`alter system set ssl_key_file = '${own!.keyFile}'`);
    await cell.admin("alter system set ssl = on");
    await cell.admin("select pg_reload_conf()");
    await cell.admin("alter role function_ingest password 'third'");
    const pinning = (ca: string, host = "127.0.0.1") => ({ ...ingestLogin("third"), host, tls: { ca } });
    await putSecret("pinned", pinning(other!.certificate));
    const ingest = start("ingest", { CELL_SECRET: "pinned" });
    const event = mskEvent(await append(topic, 1));
    expect(await ingest.invoke(event)).to.match(/shows another certificate.*bring its stack up again/);

    const put = (secret: object) =>
      askSecrets("PutSecretValue", { SecretId: "pinned", SecretString: JSON.stringify(secret) });
    await put(pinning(own!.certificate, "localhost"));
    expect(await ingest.invoke(event), "a name that is not in it").to.match(/shows another certificate/);

    await put(pinning(own!.certificate));
    expect(await ingest.invoke(event)).to.equal(undefined);
    const sessions = await cell.admin(
      "select version from pg_stat_ssl join pg_stat_activity using (pid) where usename = 'function_ingest' and ssl",
    );
    expect(sessions).to.have.length.above(0);
    expect(await cell.offsets(tenant)).to.deep.equal([0]);
  });

  it("say which secret is missing or malformed, and nothing of what is in it", async () => {
    const { topic } = await newTenant();
    const event = mskEvent(await append(topic, 1));
    await putSecret("no-json", "hunter2");
    await putSecret("no-login", { host: "hunter2" });
    const complaint = (secret: string) => start("ingest", { CELL_SECRET: secret }).invoke(event);
    expect(await complaint("absent")).to.match(/secret absent cannot be read: ResourceNotFoundException/);
    expect(await complaint("no-json"))
      .to.match(/secret no-json is not JSON/)
      .and.not.match(/hunter2/);
    expect(await complaint("no-login"))
      .to.match(/CELL_SECRET: the secret is not a database's login \(port, database, user, password\)/)
      .and.not.match(/hunter2/);
  });

  it("raise an alert and send it", async () => {
    const { tenant, topic } = await newTenant();
    await ask("sns", FORM, "Action=CreateTopic&Name=alerts&Version=2010-03-31");
    const channel = channelBody.parse({ kind: "sns", topicArn: `arn:aws:sns:${REGION}:${ACCOUNT}:alerts` });
    await inTenant(test.catalog, tenant, async (tx) => {
      await createRule(tx, tenant, ruleOf());
      await createChannel(tx, testSealer, tenant, channel);
    });

    expect(await start("alert").invoke(mskEvent(await append(topic, 1, { temperature_c: 95 })))).to.equal(
      undefined,
    );
    const { items } = await inTenant(test.catalog, tenant, (tx) => listAlerts(tx, tenant, { limit: 10 }));
    expect(items.map(({ value }) => value)).to.deep.equal([95]);

    expect(await start("notify").invoke({}, SHORT_RUN_MS)).to.equal(undefined);
    const deliveries = await deliveriesOf(test.catalog, tenant);
    expect(deliveries.map(({ state }) => state)).to.deep.equal(["delivered"]);
  });
});

const FORM = { "content-type": "application/x-www-form-urlencoded" };
/** The function keeps 5 s of it for what is in hand, and sends for the rest. */
const SHORT_RUN_MS = 8_000;
