import { expect } from "chai";
import { userData, type ServerSettings } from "../../../../components/aws/timescale/user-data.ts";
import { REGION, TestVpc, type Machine, type Volume } from "../../../support/ec2/machine.ts";
import { eventually } from "../../../support/eventually.ts";

const BUCKET = "millwright-test-backups";
const SECRET = "millwright-test-logins";
const NAME = "shared-1";
const [A, B] = ["10.0.0.11", "10.0.0.12"];
const SCRIPTS = "/usr/local/lib/millwright";

describe("cloud-init of a TimescaleDB server", function () {
  this.timeout(600_000);
  let vpc: TestVpc;
  let remove = () => Promise.resolve();
  let volumes: Readonly<Record<"a" | "b", readonly [Volume, Volume]>>;
  let primary: Machine;
  let replica: Machine;

  const settings = (node: "a" | "b"): ServerSettings => ({
    name: NAME,
    role: node === "a" ? "primary" : "replica",
    peerHost: node === "a" ? B : A,
    region: REGION,
    sizes: { memoryGb: 1, vcpuCount: 2, walVolumeGb: 2, maxConnections: 60 },
    dataVolumeId: volumes[node][0].id,
    walVolumeId: volumes[node][1].id,
    backupBucket: BUCKET,
    kmsKeyArn: `arn:aws:kms:${REGION}:123456789012:key/2f0c7b6e`,
    backupRetentionDays: 7,
    loginsSecretArn: SECRET,
    clientCidr: "10.0.0.0/24",
  });
  const boot = (node: "a" | "b") =>
    vpc.boot(node === "a" ? A : B, userData(settings(node)), volumes[node], [BUCKET]);
  const putPasswords = (operation: "CreateSecret" | "PutSecretValue", admin: string) =>
    vpc.aws(
      "secretsmanager",
      "/",
      ...[
        "-H",
        `x-amz-target: secretsmanager.${operation}`,
        "-H",
        "content-type: application/x-amz-json-1.1",
      ],
      "--data",
      JSON.stringify({
        [operation === "CreateSecret" ? "Name" : "SecretId"]: SECRET,
        SecretString: JSON.stringify({ admin, replicator: "r'e\"p$1", pooler: "pooler-password" }),
        ClientRequestToken: `00000000-0000-4000-8000-${admin.padStart(12, "0")}`,
      }),
    );

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
    primary = await boot("a");
  });
  after(() => remove());

  it("leaves TimescaleDB on the two volumes, tuned, with TLS only", async () => {
    const mounts = await primary.run("findmnt", "-rno", "TARGET,FSTYPE");
    for (const folder of ["/var/lib/postgresql", "/var/lib/postgresql-wal"])
      expect(mounts.split("\n")).to.include(`${folder} ext4`);
    expect(await primary.run("readlink", "/var/lib/postgresql/17/main/pg_wal")).to.match(
      /^\/var\/lib\/postgresql-wal\//,
    );
    expect(await primary.sql("show shared_buffers")).to.equal("256MB");
    expect(await primary.sql("show data_checksums")).to.equal("on");
    await primary.sql("create database readings");
    await primary.sql("create extension timescaledb", "readings");
    await primary.sql("create table reading (at timestamptz not null, value int)", "readings");
    expect(
      await primary.sql("select create_hypertable('reading', by_range('at')) is not null", "readings"),
    ).to.equal("t");
  });

  it("lets the administrator in from the network by TLS and password, the superuser postgres not at all", async () => {
    const url = (user: string, password: string, sslmode: string) =>
      `postgres://${user}:${password}@${A}:5432/postgres?sslmode=${sslmode}`;
    const login = (...args: Parameters<typeof url>) =>
      primary.run("psql", "-XqAt", url(...args), "-c", "select current_user");
    expect((await login("millwright_admin", "first", "require")).trim()).to.equal("millwright_admin");
    for (const refused of [
      login("millwright_admin", "first", "disable"),
      login("millwright_admin", "wrong", "require"),
      login("postgres", "first", "require"),
    ])
      expect(await refused.then(() => "let in", String)).to.match(
        /no pg_hba.conf entry|authentication failed/,
      );
  });

  it("pools the connections of roles that it was told nothing of, and of no superuser", async () => {
    await primary.sql("create role acme_reader login password 'reader'");
    const pooled = (user: string, password: string) =>
      primary.run(
        "psql",
        "-XqAt",
        `postgres://${user}:${password}@${A}:6432/readings?sslmode=require`,
        "-c",
        "select current_user",
      );
    expect((await pooled("acme_reader", "reader")).trim()).to.equal("acme_reader");
    expect(await pooled("acme_reader", "wrong").then(() => "let in", String)).to.match(
      /authentication failed/,
    );
    expect(await pooled("millwright_admin", "first").then(() => "let in", String)).to.match(
      /authentication failed/,
    );
  });

  it("takes a new password by a rotation, and keeps none in its statistics", async () => {
    await putPasswords("PutSecretValue", "second");
    await primary.run(`${SCRIPTS}/set-passwords.sh`);
    const login = (password: string) =>
      primary.run(
        "psql",
        "-XqAt",
        `postgres://millwright_admin:${password}@${A}:5432/postgres?sslmode=require`,
        "-c",
        "select 1",
      );
    expect((await login("second")).trim()).to.equal("1");
    expect(await login("first").then(() => "let in", String)).to.match(/authentication failed/);
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

  it("goes back to a point in time, in place", async () => {
    await primary.sql("insert into reading values (now(), 1)", "readings");
    const before = await primary.sql("select now()");
    await primary.sql("insert into reading values (now(), 2)", "readings");
    expect(
      await primary.run(`${SCRIPTS}/restore.sh`, "dedicated-acme", before).then(() => "done", String),
    ).to.match(/usage: restore.sh shared-1/);
    await primary.run(`${SCRIPTS}/restore.sh`, NAME, before);
    expect(await primary.sql("select array_agg(value) from reading", "readings")).to.equal("{1}");
    await primary.sql("insert into reading values (now(), 3)", "readings");
  });

  it("lives on in another machine with its volumes", async () => {
    await primary.kill();
    primary = await boot("a");
    expect(await primary.sql("select array_agg(value order by value) from reading", "readings")).to.equal(
      "{1,3}",
    );
  });

  it("is followed by a replica that came out of the backup", async () => {
    replica = await boot("b");
    await primary.sql("insert into reading values (now(), 4)", "readings");
    await eventually("row on the replica", async () => (await values(replica)) === "{1,3,4}");
    expect(await replica.sql("select pg_is_in_recovery()")).to.equal("t");

    await replica.run(`${SCRIPTS}/follow.sh`); // as after a restore of the primary
    await eventually("row on the replica", async () => (await values(replica)) === "{1,3,4}");
  });

  it("publishes its figures", async () => {
    for (const machine of [primary, replica]) await machine.run("systemctl", "start", "millwright-metrics");
    const listed = await vpc.aws("monitoring", "/", "--data", "Action=ListMetrics&Version=2010-08-01");
    for (const metric of [
      ...["DataVolumeUsed", "WalVolumeUsed", "ConnectionsUsed", "StreamingReplicas"],
      ...["ReplicationLag", "ArchiveFailing", "BackupAge"],
    ])
      expect(listed).to.include(`<MetricName>${metric}</MetricName>`);
    expect(listed).to.include("<Value>primary</Value>").and.include("<Value>replica</Value>");
  });

  it("goes on as the replica when the primary is lost, and takes the old one back as its own replica", async () => {
    await primary.kill();
    await replica.run(`${SCRIPTS}/promote.sh`);
    await replica.sql("insert into reading values (now(), 5)", "readings");
    expect(await values(replica)).to.equal("{1,3,4,5}");
    await replica.run("systemctl", "start", "millwright-backup@full");

    primary = await boot("a"); // with the volumes of a primary: it must not be one again
    await eventually("the new primary's row", async () => (await values(primary)) === "{1,3,4,5}");
    expect(await primary.sql("select pg_is_in_recovery()")).to.equal("t");
  });

  const values = (machine: Machine) =>
    machine.sql("select array_agg(value order by value) from reading", "readings");

  /** Types of the backups there are, oldest first. */
  async function backups(): Promise<string[]> {
    const info = await primary.run(
      "runuser",
      "-u",
      "postgres",
      "--",
      "pgbackrest",
      "--stanza=main",
      "info",
      "--output=json",
    );
    return (JSON.parse(info) as [{ backup: { type: string }[] }])[0].backup.map(({ type }) => type);
  }
});
