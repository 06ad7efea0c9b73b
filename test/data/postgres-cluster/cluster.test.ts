import { expect } from "chai";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import {
  createCluster,
  isClusterRunning,
  removeCluster,
  startCluster,
  stopCluster,
} from "../../../data/postgres-cluster/cluster.ts";
import { eventually } from "../../support/eventually.ts";

describe("an embedded PostgreSQL cluster", () => {
  let folder: string;
  let cluster: string;
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "millwright-cluster-"));
    cluster = path.join(folder, "one");
  });
  after(async () => {
    await removeCluster(cluster);
    await rm(folder, { recursive: true, force: true });
  });

  it("is made once, keeps its port and password, and takes logins with the password only", async () => {
    const made = await createCluster(cluster);
    expect(await createCluster(cluster)).to.deep.equal(made);
    await startCluster(cluster);
    const client = new pg.Client({ ...made, database: "postgres" });
    await client.connect();
    const { rows } = await client.query("show fsync");
    await client.end();
    expect(rows).to.deep.equal([{ fsync: "on" }]);
    const stranger = new pg.Client({ ...made, password: "guess", database: "postgres" });
    await stranger.connect().then(
      () => expect.fail("a wrong password was let in"),
      (error: unknown) => expect(String(error)).to.contain("password authentication failed"),
    );
  });

  it("starts again after kill -9 of the server", async () => {
    const pid = Number((await readFile(path.join(cluster, "postmaster.pid"), "utf8")).split("\n")[0]);
    process.kill(pid, "SIGKILL");
    await eventually("the postmaster is gone", async () => !(await isClusterRunning(cluster)));
    const address = await eventually("shared memory of the dead server is released", () =>
      startCluster(cluster),
    );
    const client = new pg.Client({ ...address, database: "postgres" });
    await client.connect();
    expect((await client.query("select 1 as one")).rows).to.deep.equal([{ one: 1 }]);
    await client.end();
  });

  it("can be started by two at the same moment", async () => {
    await stopCluster(cluster);
    const [a, b] = await Promise.all([startCluster(cluster), startCluster(cluster)]);
    expect(a).to.deep.equal(b);
    expect(await isClusterRunning(cluster)).to.equal(true);
  });

  it("leaves nothing behind when it is removed", async () => {
    await removeCluster(cluster);
    expect(existsSync(cluster)).to.equal(false);
    expect(await readdir(folder)).to.deep.equal([]);
  });
});
