import { expect } from "chai";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
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

  const serverPid = async () =>
    Number((await readFile(path.join(cluster, "postmaster.pid"), "utf8")).split("\n")[0]);

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

  it("is made whole when Ctrl-C reaches the whole process group meanwhile", async () => {
    const second = path.join(folder, "two");
    const source = new URL("../../../data/postgres-cluster/cluster.ts", import.meta.url).href;
    const program = `process.on("SIGINT", () => {}); await (await import("${source}")).createCluster("${second}")`;
    const maker = spawn(process.execPath, ["--input-type=module", "--eval", program], { detached: true });
    const ended = once(maker, "exit");
    const { pid } = maker;
    if (pid === undefined) throw new Error("the process did not start");
    const building = `${second}.building-${pid}`;
    // Again and again: initdb minds it in some phases only, and before it has a session of its own.
    const pressing = setInterval(() => {
      for (let press = 0; press < 20 && existsSync(building); press++) process.kill(-pid, "SIGINT");
    }, 1);
    try {
      expect(await ended).to.deep.equal([0, null]);
    } finally {
      clearInterval(pressing);
    }
    expect(existsSync(path.join(second, "PG_VERSION"))).to.equal(true);
    await removeCluster(second);
  });

  it("starts again after kill -9 of the server", async () => {
    process.kill(await serverPid(), "SIGKILL");
    await eventually("the postmaster is gone", async () => !(await isClusterRunning(cluster)));
    const address = await eventually("shared memory of the dead server is released", () =>
      startCluster(cluster),
    );
    const client = new pg.Client({ ...address, database: "postgres" });
    await client.connect();
    expect((await client.query("select 1 as one")).rows).to.deep.equal([{ one: 1 }]);
    await client.end();
  });

  it("is started anew, not adopted, by whoever comes while a killed server ends", async () => {
    for (let round = 0; round < 5; round++) {
      process.kill(await serverPid(), "SIGKILL");
      const address = await startCluster(cluster); // its pid file and its process are still there
      const client = new pg.Client({ ...address, database: "postgres" });
      await client.connect();
      await client.end();
    }
  });

  it("can be started by two at the same moment", async () => {
    await stopCluster(cluster);
    const [a, b] = await Promise.all([startCluster(cluster), startCluster(cluster)]);
    expect(a).to.deep.equal(b);
    expect(await isClusterRunning(cluster)).to.equal(true);
  });

  it("is not adopted before it answers", async () => {
    process.kill(await serverPid(), "SIGKILL");
    await eventually("the postmaster is gone", async () => !(await isClusterRunning(cluster)));
    const starting = eventually("shared memory of the dead server is released", () => startCluster(cluster));
    await eventually("a new server is on its way", () => isClusterRunning(cluster));
    const address = await startCluster(cluster);
    const client = new pg.Client({ ...address, database: "postgres" });
    await client.connect(); // while it recovers, a server refuses: 57P03
    await client.end();
    await starting;
  });

  // After a power cut the pid in the file may be anybody's; in a container without a reaper it may be a zombie's.
  it("takes no other process for its server: starts beside it, and does not signal it", async () => {
    await stopCluster(cluster);
    const other = spawn("sleep", ["60"]);
    const pidFile = [other.pid, cluster, 1_700_000_000, 1, "", "127.0.0.1", "1 1", "ready   "].join("\n");
    await writeFile(path.join(cluster, "postmaster.pid"), `${pidFile}\n`);
    await stopCluster(cluster);
    expect(await isClusterRunning(cluster)).to.equal(false);
    const address = await startCluster(cluster);
    const client = new pg.Client({ ...address, database: "postgres" });
    await client.connect();
    await client.end();
    expect([other.exitCode, other.signalCode]).to.deep.equal([null, null]);
    other.kill("SIGKILL");
  });

  it("leaves nothing behind when it is removed", async () => {
    await removeCluster(cluster);
    expect(existsSync(cluster)).to.equal(false);
    expect(await readdir(folder)).to.deep.equal([]);
  });
});
