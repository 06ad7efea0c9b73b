import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import pg from "pg";
import { awsSecretStore } from "../../data/aws/secret-store.ts";
import { prepareEngine } from "../../automation/engine/prepare.ts";
import { pulumiEngine } from "../../automation/engine/pulumi-engine.ts";
import type { BucketState } from "../../automation/engine/layout.ts";
import type { CellSecret } from "../../data/cell/cell-secret.ts";
import { createCluster, removeCluster, startCluster } from "../../data/postgres-cluster/cluster.ts";
import type { DatabaseAddress } from "../../data/pool.ts";
import type { SecretStore } from "../../data/secret-store.ts";
import { inheritedEnvironment } from "../../environment.ts";
import { buildPolicyPack } from "../../policy/bundle.ts";
import { prepareTestCell } from "../support/cell.ts";
import { eventually } from "../support/eventually.ts";
import { motoServer } from "../support/notify-servers.ts";
import { TestPlatform } from "../support/platform.ts";
import { realKafka } from "../support/real-services.ts";
import { lendEnvironment, stateBucket } from "../support/state-bucket.ts";

const REGION = "us-east-1";
const PREFIX = "millwright-test-shared-store";
const CERTIFICATE_SCRIPT = path.resolve(
  import.meta.dirname,
  "../../components/aws/timescale/files/certificate.sh",
);

const POLICY_PACK = path.resolve(import.meta.dirname, "../../dist/policy");

/** @returns a PATH on which the engine finds plugins that stand in for AWS */
async function awsPlugins(folder: string): Promise<{ readonly PATH: string }> {
  const plugins = path.join(folder, "plugins");
  await mkdir(plugins);
  for (const name of ["aws", "awsx"]) {
    const program = path.resolve(import.meta.dirname, `../support/aws-plugin/${name}-main.ts`);
    const script = `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`;
    await writeFile(path.join(plugins, `pulumi-resource-${name}`), script, { mode: 0o755 });
  }
  return { PATH: [plugins, inheritedEnvironment()["PATH"]].join(path.delimiter) };
}

/** The platform's stack of the environment `test`, as an operator would have brought it up. */
async function bringUpPlatform(
  home: string,
  bucket: BucketState,
  inherited: Readonly<Record<string, string>>,
  cells: Readonly<Record<string, CellSecret>>,
): Promise<void> {
  const arn = "arn:aws:kms:us-east-1:123456789012:key/1";
  const foundation = {
    network: {
      ...{ cidrBlock: "10.64.0.0/16", zones: ["us-east-1a", "us-east-1b"] },
      privateSubnetIds: ["subnet-1", "subnet-2"],
      securityGroupIds: { handlers: "sg-1", timescale: "sg-2" },
    },
    keys: { data: arn, secrets: arn, logs: arn, messages: arn },
    backups: { name: "backups", arn: "arn:aws:s3:::backups" },
    eventLog: {
      clusterArn: "arn:aws:kafka:us-east-1:123456789012:cluster/log/uuid",
      ...{ clusterName: "log", brokers: "b-1:9098", passwordBrokers: "b-1:9096" },
    },
    machines: {
      ...{ destinationArn: arn, roleArn: arn, loginSecretArn: arn, deadLetterUrl: "https://queue" },
      endpoint: "machines.example.com",
    },
    functions: {
      alert: { handler: "alert", functionName: "alert", liveArn: arn, deadLetterArn: arn },
      "ingest-shared-1": { handler: "ingest", functionName: "ingest", liveArn: arn, deadLetterArn: arn },
    },
    ...{ secrets: { CATALOG_SECRET: arn, CHANNEL_KEY_SECRET: arn }, alarmTopicArn: arn },
    api: { vpcLinkId: "link", loadBalancerArn: arn, url: "http://service" },
  };
  const outputs = { foundation, cells, sslmodes: { "shared-1": "disable" } };
  const engine = pulumiEngine({
    prepared: await prepareEngine({ home, inherited, bucket }),
    policyPackDir: POLICY_PACK,
    programModule: path.resolve(import.meta.dirname, "../support/foundation-program.ts"),
  });
  const config = { "millwright:outputs": JSON.stringify(outputs) };
  const session = await engine.open({ stack: "platform-test", config, fencingToken: 1n });
  await session.up().finally(() => session.close());
}

/** The service with the settings of a task on Fargate; Kafka, PostgreSQL and moto stand in for the environment. */
describe("the service on AWS", function () {
  this.timeout(15 * 60_000);
  let moto: Awaited<ReturnType<typeof motoServer>>;
  let folder: string;
  let secrets: SecretStore;
  let state: Awaited<ReturnType<typeof stateBucket>>;
  let env: Readonly<Record<string, string>>;
  const tasks: TestPlatform[] = [];

  before(async function () {
    const kafka = await realKafka(this);
    moto = await motoServer(this);
    folder = await mkdtemp(path.join(tmpdir(), "millwright-aws-service-"));
    await createCluster(path.join(folder, "cluster"));
    const cluster = await startCluster(path.join(folder, "cluster"));
    secrets = awsSecretStore({
      ...{ region: REGION, endpoint: moto.url, prefix: PREFIX, kmsKeyArn: undefined },
      credentials: () =>
        Promise.resolve({ accessKeyId: "testing", secretAccessKey: "testing", sessionToken: undefined }),
    });
    const { host, port } = cluster;
    await sql(cluster, "create role rds_administrator login createdb createrole password 'first'");
    await sql(cluster, "create database catalog owner rds_administrator");
    await sql(cluster, "create database readings");
    await secrets.put("administrator", { username: "rds_administrator", password: "first" });
    await secrets.put("functions-catalog", {
      ...{ host, port, database: "catalog", user: "millwright_service", password: "of-the-functions" },
    });
    const cell = await prepareTestCell({ ...cluster, database: "readings" });
    await secrets.put("cell-shared-1", { ...cell, tls: { ca: await secureCluster(cluster) } });
    state = await stateBucket(moto.url);
    const inherited = { ...inheritedEnvironment(), ...state.environment, ...(await awsPlugins(folder)) };
    await buildPolicyPack(POLICY_PACK);
    const giveBack = lendEnvironment(state.environment);
    await bringUpPlatform(path.join(folder, "operator"), state.bucket, inherited, {
      "shared-1": cell,
    }).finally(giveBack);
    env = {
      ...{ ...inherited, KAFKA_BROKERS: kafka.brokers, HOST: "0.0.0.0" },
      MILLWRIGHT_AWS: JSON.stringify({
        ...{ region: REGION, environment: "test", secrets: { prefix: PREFIX }, state: state.bucket },
        stackConfig: { preset: "development" },
        sharedCells: [{ name: "shared-1", tenantCapacity: 10 }],
        catalog: {
          serviceSecret: `${PREFIX}/functions-catalog`,
          adminSecret: `${PREFIX}/administrator`,
        },
        machines: { endpoint: "machines.example.com" },
      }),
    };
  });
  after(async () => {
    for (const task of tasks) await task.remove();
    await moto.close();
    await removeCluster(path.join(folder, "cluster"));
    await rm(folder, { recursive: true, force: true });
  });

  const sql = async (place: Omit<DatabaseAddress, "database">, statement: string) => {
    const client = new pg.Client({ ...place, database: "postgres" });
    await client.connect();
    await client.query(statement).finally(() => client.end());
  };

  /** As on a server of ours. @returns the certificate to pin */
  async function secureCluster(place: Omit<DatabaseAddress, "database">): Promise<string> {
    const tls = path.join(folder, "tls");
    await promisify(execFile)("bash", [CERTIFICATE_SCRIPT, tls, "127.0.0.1"]);
    await sql(place, `alter system set ssl_cert_file = '${tls}/server.crt'`);
    await sql(place, `alter system set ssl_key_file = '${tls}/server.key'`);
    await sql(place, "alter system set ssl = on");
    await sql(place, "select pg_reload_conf()");
    return readFile(path.join(tls, "server.crt"), "utf8");
  }

  /** Each with a disk of its own, as tasks are. */
  async function startTask(): Promise<TestPlatform> {
    const task = await TestPlatform.inNewHome();
    tasks.push(task);
    const child = task.spawn(env);
    const url = await eventually(
      "ready line",
      () => {
        if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode}:\n${task.stderr}`);
        return /^ready http:\/\/0\.0\.0\.0:(\d+)$/m.exec(task.stdout)?.[1];
      },
      10 * 60_000,
    );
    task.url = `http://127.0.0.1:${url}`;
    const kept = (await secrets.get("admin-token")) as { token: string };
    task.token = kept.token;
    return task;
  }

  it("starts on the environment's catalog, log and cells, and says so", async () => {
    const task = await startTask();
    expect(task.stderr).to.include(`the secret ${PREFIX}/admin-token`);
    const { body, status } = await task.call("GET", "/readyz");
    expect(body).to.deep.equal({
      ready: true,
      checks: Object.fromEntries(
        ["catalog", "log", "handlers", "cell-shared-1"].map((name) => [name, { ok: true }]),
      ),
    });
    expect(status).to.equal(200);
    expect((await task.call("GET", "/v1/tenants")).body).to.deep.include({ tenants: [] });
    expect(await task.stop()).to.equal(0);
  });

  it("starts again on another disk, with the same keys and the administrator's next password", async () => {
    const receiptKey = await secrets.get("receipt-key");
    const token = await secrets.get("admin-token");
    expect(receiptKey).to.not.equal(undefined);
    const task = await startTask();
    expect((await task.call("GET", "/v1/tenants")).status).to.equal(200);
    expect(await secrets.get("receipt-key")).to.deep.equal(receiptKey);
    expect(await secrets.get("admin-token")).to.deep.equal(token);
    await task.stop();
  });

  it("makes a tenant by its stack on AWS, and takes what is sent for it", async () => {
    const task = await startTask();
    await task.tenant("acme", { budgetUsdPerMonth: 1_500 });
    const { body } = await task.call("GET", "/v1/tenants/acme");
    expect(body.tenant).to.deep.include({ id: "acme", state: "ready" });
    const stored = await state.read("/.pulumi/stacks/millwright/tenant-acme.json");
    expect(stored).to.include("aws:msk/topic:Topic").and.include("aws:budgets/budget:Budget");

    const key = await task.key("acme", "machine");
    const reading = {
      type: "machine",
      machineId: "m-001",
      ts: new Date().toISOString(),
      values: { temperature_c: 21 },
    };
    const sent = await task.call("POST", "/v1/data", { readings: [reading] }, { token: key });
    expect(sent.status, JSON.stringify(sent.body)).to.equal(202);
    await task.stop();
  });

  it("names a secret that is missing, and ends", async () => {
    const task = await TestPlatform.inNewHome();
    tasks.push(task);
    const wrong = env["MILLWRIGHT_AWS"]!.replace(`${PREFIX}/administrator`, `${PREFIX}/nobody`);
    const child = task.spawn({ ...env, MILLWRIGHT_AWS: wrong });
    await eventually("end of the process", () => child.exitCode !== null, 60_000);
    expect(task.stderr).to.match(/setting-invalid: The secret .*\/nobody cannot be read/);
  });

  it("refuses settings that do not belong to AWS", async () => {
    const task = await TestPlatform.inNewHome();
    tasks.push(task);
    const child = task.spawn({ ...env, KAFKA_BROKERS: "", CATALOG_URL: "postgres://a:b@c/d" });
    await eventually("end of the process", () => child.exitCode !== null, 60_000);
    expect(task.stderr)
      .to.match(/CATALOG_URL: has no effect with MILLWRIGHT_AWS/)
      .and.match(/KAFKA_BROKERS: is needed with MILLWRIGHT_AWS/);
  });
});
