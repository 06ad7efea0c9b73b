import { readFile } from "node:fs/promises";
import { expect } from "chai";
import { cellSubjects } from "../../../../components/aws/alarm-subject.ts";
import {
  SERVE_COMMAND,
  userData,
  type ServerSettings,
} from "../../../../components/aws/timescale/user-data.ts";
import { alarmRulesOf } from "../../../../model/aws/alarm-rules.ts";
import type { Machine, Volume } from "../../../support/ec2/machine.ts";
import { REGION, TestVpc } from "../../../support/ec2/vpc.ts";
import { eventually } from "../../../support/eventually.ts";

const BUCKET = "millwright-test-backups";
const SECRET = "millwright-test-logins";
const NAME = "shared-1";
const ADDRESS = { a: "10.0.0.11", b: "10.0.0.12" };
const CLUSTER = "/var/lib/postgresql/17/main";

describe("the machine of a TimescaleDB server", function () {
  this.timeout(600_000);
  let vpc: TestVpc;
  let remove = () => Promise.resolve();
  let parts = "";
  let volumes: Readonly<Record<Node, readonly [Volume, Volume]>>;
  let primary: Machine;
  let replica: Machine;

  before(async function () {
    vpc = await TestVpc.start(this);
    remove = () => vpc.remove();
    volumes = {
      a: [await vpc.volume("vol-0a1"), await vpc.volume("vol-0a2")],
      b: [await vpc.volume("vol-0b1"), await vpc.volume("vol-0b2")],
    };
    await vpc.offerAgent();
    await vpc.aws("s3", `/${BUCKET}`, "-X", "PUT");
    await putPasswords("CreateSecret", "first");
  });
  afterEach(() => console.log(`      on ${parts}`));
  after(() => remove());

  it("comes up from nothing, with volumes that come late, however often its power is cut", async () => {
    primary = await machineOf("a");
    await primary.powerOn();
    await eventually("packages", () => primary.has("/usr/bin/pgbackrest"), LIMIT_MS);
    await cutPower(primary);
    await eventually(
      "setup waits for volumes",
      () => primary.has("/var/lib/dpkg/info/amazon-ssm-agent.list"),
      LIMIT_MS,
    );
    await primary.attachVolumes();
    for (const file of [`${CLUSTER}.new/base`, "/etc/postgresql/17/main"]) {
      await eventually(file, () => primary.has(file), LIMIT_MS);
      await cutPower(primary);
      await primary.attachVolumes();
    }
    await primary.serves();
    parts = await partsOf(primary);
  });

  it("has TimescaleDB on its two volumes, tuned", async () => {
    const mounts = (await primary.run("findmnt", "-rno", "TARGET,FSTYPE")).split("\n");
    expect(mounts).to.include.members(["/var/lib/postgresql ext4", "/var/lib/postgresql-wal ext4"]);
    expect(await primary.run("readlink", `${CLUSTER}/pg_wal`)).to.match(/^\/var\/lib\/postgresql-wal\//);
    expect(await primary.sql("show shared_buffers")).to.equal("256MB");
    expect(await primary.sql("show data_checksums")).to.equal("on");
    await primary.sql("create database readings");
    await primary.sql("create extension timescaledb", "readings");
    await primary.sql("create table reading (at timestamptz not null, value int)", "readings");
    const hypertable = "select create_hypertable('reading', by_range('at')) is not null";
    expect(await primary.sql(hypertable, "readings")).to.equal("t");
  });

  it("lets the administrator in by TLS and password only, the superuser postgres not at all", async () => {
    expect(await login("millwright_admin", "first")).to.equal("millwright_admin");
    for (const [user, password, mode] of [
      ["millwright_admin", "first", "disable"],
      ["millwright_admin", "wrong", "require"],
      ["postgres", "first", "require"],
    ] as const)
      expect(await login(user, password, 5432, mode)).to.match(/no pg_hba.conf entry|authentication failed/);
  });

  it("shows the certificate that it published, on both ports, and another one when it is told to", async () => {
    const first = await certificate();
    const [renew] = await runbook("The servers' certificates");
    for (const pinned of [first, undefined]) {
      if (pinned === undefined) await primary.run("sh", "-c", renew!);
      await trust(pinned ?? (await certificate()));
      expect(await login("millwright_admin", "first", 5432, VERIFIED)).to.equal("millwright_admin");
      expect(await login("nobody", "", 6432, VERIFIED)).to.match(/no such user|authentication failed/);
    }
    await trust(first);
    for (const port of [5432, 6432])
      expect(await login("millwright_admin", "first", port, VERIFIED)).to.match(/certificate verify failed/);
  });

  it("pools the connections of roles that it was told nothing of, and of no superuser", async () => {
    await primary.sql("create role acme_reader login password 'reader'");
    expect(await login("acme_reader", "reader", 6432)).to.equal("acme_reader");
    for (const [user, password] of [
      ["acme_reader", "wrong"],
      ["millwright_admin", "first"],
    ] as const)
      expect(await login(user, password, 6432)).to.match(/authentication failed|no such user/);
    const log = await primary.run("journalctl", "-u", "pgbouncer", "-o", "cat");
    expect(log).to.match(/file descriptor limit: 10000 .* max_client_conn: 5000/);
  });

  it("takes a new password by what an update runs, and keeps none in its statistics", async () => {
    await putPasswords("PutSecretValue", "second");
    await primary.run("sh", "-c", `${SERVE_COMMAND} # version`);
    expect(await login("millwright_admin", "second")).to.equal("millwright_admin");
    expect(await login("millwright_admin", "first")).to.match(/authentication failed/);
    await primary.sql("create extension pg_stat_statements");
    expect(await primary.sql("select count(*) from pg_stat_statements where query ~ 'second'")).to.equal("0");
  });

  it("has a backup in S3, encrypted with our key, and adds what changed", async () => {
    expect(await backups()).to.deep.equal(["full"]);
    await primary.run("systemctl", "start", "millwright-backup@incr");
    expect(await backups()).to.deep.equal(["full", "incr"]);
    const head = await vpc.aws("s3", `/${BUCKET}/timescale/${NAME}/backup/main/backup.info`, "-I");
    expect(head).to.match(/x-amz-server-side-encryption-aws-kms-key-id: arn:aws:kms:.*2f0c7b6e/i);
    expect(await primary.run("systemctl", "list-timers", "--no-legend")).to.match(/millwright-backup-full/);
  });

  it("goes back to a point in time, and from one that it cannot reach to the newest state", async () => {
    const [latest, pointInTime] = await runbook("Restore");
    const restore = (time: string) => primary.run("sh", "-c", pointInTime!.replace(/'.*'/, `'${time}'`));
    await insert(primary, 1);
    const before = await primary.sql("select now()");
    await insert(primary, 2);
    const wrongServer = primary.run("sh", "-c", latest!.replace(NAME, "dedicated-acme"));
    expect(await wrongServer.then(() => "done", String)).to.match(/usage: restore.sh shared-1/);
    await restore(before);
    expect(await values(primary)).to.equal("{1}");
    await insert(primary, 3);
    const tooEarly = await restore("2001-01-01 00:00:00+00").then(() => "done", String);
    expect(tooEarly).to.match(/unable to find backup set with stop time less than/);
    expect(await values(primary)).to.equal("{1,3}");
    const tooLate = await restore("2037-01-01 00:00:00+00").then(() => "done", String);
    expect(tooLate).to.match(/recovery ended before configured recovery target was reached/);
    await primary.run("sh", "-c", latest!);
    expect(await values(primary)).to.equal("{1,3}");
  });

  it("lives on in another machine with its volumes", async () => {
    await primary.kill();
    const pinned = await certificate();
    primary = await bootNew("a");
    expect(await values(primary)).to.equal("{1,3}");
    await trust(pinned);
    expect(await login("millwright_admin", "second", 5432, VERIFIED)).to.equal("millwright_admin");
  });

  it("makes no empty server beside its backups or another version's files, and is restored onto a new volume", async () => {
    const start = () =>
      primary.run("systemctl", "start", "millwright-server").then(() => "started", setupLog);
    await primary.run("systemctl", "stop", "millwright-server", "postgresql@17-main");
    const device = (await primary.run("findmnt", "-no", "SOURCE", "/var/lib/postgresql")).trim();
    await primary.run("umount", "/var/lib/postgresql");
    await primary.run("blkdiscard", "--force", device);
    expect(await start()).to.match(/data volume is empty, but there are backups of shared-1/);
    await primary.run("mkdir", "-p", "/var/lib/postgresql/16/main");
    await primary.run("touch", "/var/lib/postgresql/16/main/PG_VERSION");
    expect(await start()).to.match(/cluster of another version of PostgreSQL: .*\/16\/main/);
    await primary.run("rm", "-r", "/var/lib/postgresql/16");
    await primary.run("sh", "-c", (await runbook("Restore"))[0]!);
    expect(await values(primary)).to.equal("{1,3}");
  });

  it("is followed by a replica that came out of the backup", async () => {
    replica = await bootNew("b");
    await insert(primary, 4);
    await eventually("row on the replica", async () => (await values(replica)) === "{1,3,4}");
    expect(await replica.sql("select pg_is_in_recovery()")).to.equal("t");
    await eventually("streaming", async () => (await primary.sql(STREAMING)) === "1");

    const [follow] = (await runbook("Restore")).filter((command) => command.endsWith("follow.sh"));
    await replica.run("sh", "-c", follow!);
    await insert(primary, 5);
    await eventually("row on the replica", async () => (await values(replica)) === "{1,3,4,5}");
  });

  it("publishes the figures that alarms watch", async () => {
    for (const machine of [primary, replica]) await machine.run("systemctl", "start", "millwright-metrics");
    for (const { kind, dimensions } of cellSubjects(NAME, { isOurServer: true, hasReplica: true }))
      for (const [, { metric }] of alarmRulesOf(kind)) {
        if (metric.namespace !== "Millwright/Timescale") continue;
        const query = new URLSearchParams({
          ...{
            Action: "ListMetrics",
            Version: "2010-08-01",
            Namespace: metric.namespace,
            MetricName: metric.name,
          },
        });
        for (const [index, [name, value]] of Object.entries(dimensions).entries()) {
          query.set(`Dimensions.member.${index + 1}.Name`, name);
          query.set(`Dimensions.member.${index + 1}.Value`, value as string);
        }
        const listed = await vpc.aws("monitoring", "/", "--data", query.toString());
        expect(listed, `${metric.name} of the ${kind}`).to.contain(`<MetricName>${metric.name}<`);
      }
  });

  it("goes on as the replica when the primary is lost; the old one, started again, follows it", async () => {
    const [promote] = await runbook("Promote the replica");
    const lostAt = performance.now();
    await primary.kill();
    await replica.run("sh", "-c", promote!);
    await insert(replica, 6);
    console.log(`      serves again ${((performance.now() - lostAt) / 1_000).toFixed(1)} s after the loss`);
    expect(await values(replica)).to.equal("{1,3,4,5,6}");
    await replica.run("systemctl", "start", "millwright-backup@full");

    // The new primary does not answer: the archive says that it is one.
    await replica.kill();
    await startAgain(primary);
    expect(await primary.sql("select pg_is_in_recovery()")).to.equal("t");
    expect(await values(primary)).to.equal("{1,3,4,5,6}");
    await startAgain(replica);
    await insert(replica, 7);
    await eventually("the new primary's row", async () => (await values(primary)) === "{1,3,4,5,6,7}");
  });

  function machineOf(node: Node): Promise<Machine> {
    const settings: ServerSettings = {
      name: NAME,
      role: node === "a" ? "primary" : "replica",
      peerHost: ADDRESS[node === "a" ? "b" : "a"],
      region: REGION,
      sizes: { memoryGb: 1, vcpuCount: 2, walVolumeGb: 2, maxConnections: 60 },
      dataVolumeId: volumes[node][0].id,
      walVolumeId: volumes[node][1].id,
      backupBucket: BUCKET,
      kmsKeyArn: `arn:aws:kms:${REGION}:123456789012:key/2f0c7b6e`,
      backupRetentionDays: 7,
      loginsSecretArn: SECRET,
      certificateParameter: `/test/${node}/certificate`,
      clientCidr: "10.0.0.0/24",
    };
    return vpc.machine(ADDRESS[node], userData(settings), volumes[node], [BUCKET]);
  }

  async function bootNew(node: Node): Promise<Machine> {
    const machine = await machineOf(node);
    await machine.powerOn();
    await machine.attachVolumes();
    await machine.initialised();
    return machine;
  }

  const putPasswords = (operation: "CreateSecret" | "PutSecretValue", admin: string) =>
    vpc.aws(
      ...(["secretsmanager", "/", "-H", `x-amz-target: secretsmanager.${operation}`] as const),
      ...["-H", "content-type: application/x-amz-json-1.1", "--data"],
      JSON.stringify({
        [operation === "CreateSecret" ? "Name" : "SecretId"]: SECRET,
        SecretString: JSON.stringify({ admin, replicator: "r'e\"p$1", pooler: "pooler-password" }),
        ClientRequestToken: `00000000-0000-4000-8000-${admin.padStart(12, "0")}`,
      }),
    );

  /** Who one is, or why one is not let in. */
  const login = (user: string, password: string, port = 5432, mode = "require") => {
    const url = `postgres://${user}:${password}@${ADDRESS.a}:${port}/postgres?sslmode=${mode}`;
    return primary.run("psql", "-XqAt", url, "-c", "select current_user").then((text) => text.trim(), String);
  };

  /** The published one of the primary's address. */
  async function certificate(): Promise<string> {
    const headers = [
      "-H",
      "x-amz-target: AmazonSSM.GetParameter",
      "-H",
      "content-type: application/x-amz-json-1.1",
    ];
    const told = await vpc.aws(
      "ssm",
      "/",
      ...headers,
      "--data",
      JSON.stringify({ Name: "/test/a/certificate" }),
    );
    return (JSON.parse(told) as { Parameter: { Value: string } }).Parameter.Value;
  }
  const trust = (pem: string) => primary.run("sh", "-c", `printf %s "$1" > ${TRUSTED}`, "sh", pem);

  const setupLog = () => primary.run("journalctl", "-u", "millwright-server", "-n", "20", "-o", "cat");

  /** Types of the backups there are, oldest first. */
  async function backups(): Promise<string[]> {
    const info = ["pgbackrest", "--stanza=main", "info", "--output=json"];
    const told = await primary.run("runuser", "-u", "postgres", "--", ...info);
    return (JSON.parse(told) as [{ backup: { type: string }[] }])[0].backup.map(({ type }) => type);
  }
});

type Node = "a" | "b";

const LIMIT_MS = 300_000;
const TRUSTED = "/run/trusted.pem";
const VERIFIED = `verify-full&sslrootcert=${TRUSTED}`;
const STREAMING = "select count(*) from pg_stat_replication where state = 'streaming'";

const insert = (machine: Machine, value: number) =>
  machine.sql(`insert into reading values (now(), ${value})`, "readings");
const values = (machine: Machine) =>
  machine.sql("select array_agg(value order by value) from reading", "readings");

async function cutPower(machine: Machine): Promise<void> {
  await machine.kill();
  await machine.powerOn();
}

async function startAgain(machine: Machine): Promise<void> {
  await machine.powerOn();
  await machine.attachVolumes();
  await machine.serves();
}

/** The servers' own commands in one section of the runbook. */
async function runbook(section: string): Promise<string[]> {
  const text = await readFile("docs/runbooks/timescale-on-aws.md", "utf8");
  const [, rest = ""] = text.split(`## ${section}\n`);
  return [...rest.split("\n## ")[0]!.matchAll(/\/usr\/local\/lib\/millwright\/[^`\n]+/g)].map(
    ([command]) => command,
  );
}

/** What is real here, with its version, and what stands in. */
async function partsOf(machine: Machine): Promise<string> {
  const packages = [
    "systemd",
    "cloud-init",
    "postgresql-17",
    "postgresql-17-timescaledb",
    "pgbackrest",
    "pgbouncer",
  ];
  const versions = await machine.run("dpkg-query", "-Wf", "${Package} ${Version}, ", ...packages);
  return `${versions}ext4 on loop devices; stand-ins: moto for S3, Secrets Manager, SSM and CloudWatch; an empty SSM agent`;
}
