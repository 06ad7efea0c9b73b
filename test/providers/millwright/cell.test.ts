import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import pg from "pg";
import { stopCluster } from "../../../data/postgres-cluster/cluster.ts";
import { cell } from "../../../providers/millwright/cell.ts";
import { secret } from "../../../providers/millwright/secret.ts";

describe("millwright:index:Cell", () => {
  let parent: string;
  let folder: string;
  before(async () => {
    parent = await mkdtemp(path.join(tmpdir(), "millwright-cell-"));
    folder = path.join(parent, "cells", "shared-1");
  });
  after(async () => {
    if (existsSync(folder)) await stopCluster(folder, "immediate");
    await rm(parent, { recursive: true, force: true });
  });

  const query = async (state: object, sql: string) => {
    const client = new pg.Client({ ...(state as pg.ClientConfig), database: "postgres" });
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(sql)).rows;
    } finally {
      await client.end();
    }
  };

  it("makes a running cluster on loopback that lets nobody but the superuser in", async () => {
    const { id, state } = await cell.create(undefined, { folder });
    expect(id).to.equal("shared-1");
    expect(state).to.include({ folder, host: "127.0.0.1" });
    const [row] = await query(
      state,
      `select current_setting('listen_addresses') as listen,
              bool_or(has_database_privilege('pg_monitor', datname, 'connect')) as "isOpen" from pg_database where datallowconn`,
    );
    expect(row).to.deep.equal({ listen: "127.0.0.1", isOpen: false });
  });

  it("adopts the cluster of a killed run with its data, running or not", async () => {
    const { state } = await cell.create(undefined, { folder });
    await query(state, "create table kept (x int)");
    await stopCluster(folder, "immediate");
    const again = await cell.create(undefined, { folder });
    expect(again.state).to.deep.equal(state);
    expect(await query(state, "select count(*)::int as rows from kept")).to.deep.equal([{ rows: 0 }]);
    expect(await cell.read(undefined, state)).to.deep.equal(state);
  });

  it("deletes the cluster once and then again, and reads as gone", async () => {
    await cell.delete(undefined, { folder });
    await cell.delete(undefined, { folder });
    expect(existsSync(folder)).to.equal(false);
    expect(await cell.read(undefined, { folder })).to.equal(undefined);
  });

  it("deletes no folder that is not a cluster, and makes none at a relative path", async () => {
    const precious = path.join(parent, "precious");
    await mkdir(precious);
    await writeFile(path.join(precious, "file"), "");
    const refusal = await cell.delete(undefined, { folder: precious }).catch((error: unknown) => error);
    expect(refusal).to.have.property("code", "cluster-failed");
    expect(existsSync(path.join(precious, "file"))).to.equal(true);
    const relative = await cell.create(undefined, { folder: "cells/here" }).catch((error: unknown) => error);
    expect(relative).to.have.property("code", "cluster-failed");
  });
});

describe("millwright:index:Secret", () => {
  it("is 256 random bits that stay what they are", async () => {
    const [one, other] = [await secret.create(undefined, {}), await secret.create(undefined, {})];
    expect(one.state["value"]).to.match(/^[A-Za-z0-9_-]{43}$/);
    expect(one.state).not.to.deep.equal(other.state);
    expect(one.id).not.to.contain(one.state["value"]);
    expect(await secret.read(undefined, one.state)).to.deep.equal(one.state);
    const rotated = await secret.create(undefined, { rotation: 1 });
    expect(rotated.state["rotation"], "kept, so that the next one differs").to.equal(1);
  });
});
