import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import pg from "pg";
import { prepareAwsCatalog } from "../../../automation/platform/aws-catalog.ts";
import { awsSecretStore } from "../../../data/aws/secret-store.ts";
import { askSecretsManager } from "../../../data/aws/secrets-manager.ts";
import { openCatalog } from "../../../data/catalog/catalog.ts";
import { createCluster, removeCluster, startCluster } from "../../../data/postgres-cluster/cluster.ts";
import { clientConfig, parseDatabaseUrl, type DatabaseAddress } from "../../../data/pool.ts";
import { MillwrightError } from "../../../model/errors.ts";
import { motoServer } from "../../support/notify-servers.ts";

const ADMINISTRATOR = "rds_administrator";

describe("the catalog on RDS (PostgreSQL, an administrator who is no superuser, moto)", function () {
  this.timeout(300_000); // the first time moto is installed
  let moto: Awaited<ReturnType<typeof motoServer>>;
  let place: Pick<DatabaseAddress, "host" | "port" | "database">;
  let superuser: DatabaseAddress;
  let folder: string;

  const settings = () => ({
    ...{ region: "eu-central-1", endpoint: moto.url },
    credentials: () =>
      Promise.resolve({ accessKeyId: "testing", secretAccessKey: "testing", sessionToken: undefined }),
  });
  const secrets = () => awsSecretStore({ ...settings(), prefix: "catalog-test", kmsKeyArn: undefined });
  const put = (name: string, secret: object) => secrets().put(name, secret);
  const prepare = () =>
    prepareAwsCatalog(
      { serviceSecret: "catalog-test/service", adminSecret: "catalog-test/admin" },
      settings(),
      secrets(),
    );
  const withClient = async <T>(address: DatabaseAddress, work: (client: pg.Client) => Promise<T>) => {
    const client = new pg.Client(clientConfig(address));
    await client.connect();
    return work(client).finally(() => client.end());
  };
  const setAdministrator = async (verb: string, password: string) => {
    await withClient(superuser, (client) =>
      client.query(`${verb} role ${ADMINISTRATOR} login createdb createrole password '${password}'`),
    );
    await put("admin", { username: ADMINISTRATOR, password });
  };
  const setService = (password: string) => put("service", { ...place, user: "millwright_service", password });

  before(async function () {
    moto = await motoServer(this);
    // Of its own: roles are a cluster's, and other suites make theirs as the superuser.
    folder = await mkdtemp(path.join(tmpdir(), "millwright-rds-"));
    await createCluster(path.join(folder, "cluster"));
    const cluster = await startCluster(path.join(folder, "cluster"));
    superuser = { ...cluster, database: "postgres" };
    place = { host: cluster.host, port: cluster.port, database: "rds_catalog" };
    await setAdministrator("create", "first");
    await setService("of-the-functions");
    await withClient(superuser, (client) =>
      client.query(`create database rds_catalog owner ${ADMINISTRATOR}`),
    );
  });
  after(async () => {
    await moto.close();
    await removeCluster(path.join(folder, "cluster"));
    await rm(folder, { recursive: true, force: true });
  });

  const serviceCan = async (password: string) => {
    const login = { ...place, user: "millwright_service", password };
    await withClient(login, (client) => client.query("select from catalog.tenant"));
  };

  it("gets its schema and roles, and the functions' role the password of their secret", async () => {
    const access = await prepare();
    await serviceCan("of-the-functions");
    const catalog = openCatalog(access.admin, access.passwords, "test");
    await catalog.app.query("select from tenant");
    await catalog.close();
    await withClient(parseDatabaseUrl(access.workflowsUrl), (client) =>
      client.query("create schema of_the_queue"),
    );
    const { rows } = await withClient(superuser, (client) =>
      client.query(
        "select from pg_roles where rolname ~ '^millwright_(app|service|workflows)$' and (rolsuper or rolbypassrls)",
      ),
    );
    expect(rows).to.deep.equal([]);
  });

  it("is prepared again with the passwords that rotations have brought", async () => {
    const before = await prepare();
    await setAdministrator("alter", "second");
    await setService("rotated");
    const after = await prepare();
    await serviceCan("rotated");
    expect({ ...after.passwords, service: "" }).to.deep.equal({ ...before.passwords, service: "" });
    expect(after.workflowsUrl).to.equal(before.workflowsUrl);
  });

  it("says which secret has another form, and nothing of what is in it", async () => {
    await put("admin", { hunter2: "hunter2" });
    const error = await prepare().catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(MillwrightError);
    expect(String(error))
      .to.match(/catalog-test\/admin has no username/)
      .and.not.match(/hunter2/);
    const { refusal } = await askSecretsManager(settings(), "DeleteSecret", {
      SecretId: "catalog-test/admin",
      ForceDeleteWithoutRecovery: true,
    });
    expect(refusal).to.equal(undefined);
    expect(String(await prepare().catch((reason: unknown) => reason))).to.match(
      /catalog-test\/admin cannot be read: ResourceNotFoundException/,
    );
  });
});
