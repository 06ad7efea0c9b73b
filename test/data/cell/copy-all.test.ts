import { expect } from "chai";
import type pg from "pg";
import { copyAll, CopyFailure } from "../../../data/cell/copy-all.ts";
import { openPool, sqlState } from "../../../data/pool.ts";
import { testDatabase } from "../../support/postgres.ts";

describe("copyAll", () => {
  let pool: pg.Pool;
  let client: pg.PoolClient;
  before(async () => {
    pool = openPool(await testDatabase(), { applicationName: "test", max: 1 });
    client = await pool.connect();
    await client.query(
      "create table a (n int); create table b (n int check (n < 100)); create table c (n int)",
    );
  });
  after(async () => {
    client.release();
    await pool.end();
  });
  beforeEach(() => client.query("begin"));
  afterEach(() => client.query("rollback"));

  const source = (table: string, ...chunks: string[]) => ({
    statement: `copy ${table} from stdin`,
    chunks: chunks.map((text) => Buffer.from(text)),
  });
  const sums = async () => {
    const { rows } = await client.query<{ a: number; b: number; c: number }>(
      "select (select count(*)::int from a) a, (select sum(n)::int from b) b, (select sum(n)::int from c) c",
    );
    return rows[0];
  };

  it("fills several tables in the order given, from as many chunks as there are", async () => {
    const megabytes = "1\n".repeat(2_000_000);
    await copyAll(client, [source("a", megabytes), source("b", "1", "2\n", "3\n"), source("c", "4\n")]);
    expect(await sums()).to.deep.equal({ a: 2_000_000, b: 15, c: 4 });
  });

  it("does nothing when there is nothing to copy", async () => {
    await copyAll(client, []);
  });

  for (const [what, bad, state] of [
    ["a table that is not there", source("nowhere", "1\n"), "42P01"],
    [
      "a row that the table refuses",
      source("b", "1\n".repeat(100_000), "100\n", "1\n".repeat(100_000)),
      "23514",
    ],
    ["what is no number", source("b", "one\n"), "22P02"],
  ] as const) {
    it(`names the one that failed for ${what}, and leaves the connection usable`, async () => {
      await client.query("savepoint before");
      const failure = await copyAll(client, [source("a", "1\n"), bad, source("c", "3\n")]).then(
        () => expect.fail("copied"),
        (error: unknown) => error,
      );
      expect(failure).to.be.instanceOf(CopyFailure).and.to.include({ index: 1 });
      expect(sqlState((failure as CopyFailure).cause)).to.equal(state);
      await client.query("rollback to savepoint before");
      await copyAll(client, [source("c", "7\n")]);
      expect(await sums()).to.deep.equal({ a: 0, b: null, c: 7 });
    });
  }

  it("fails when the connection breaks", async () => {
    const doomed = await openPool(await testDatabase(), { applicationName: "test", max: 1 }).connect();
    doomed.on("error", () => undefined);
    const { rows } = await doomed.query<{ pid: number }>("select pg_backend_pid() as pid");
    await doomed.query(
      "create table d (n int); create function hang() returns trigger language plpgsql as 'begin perform pg_sleep(60); end'; create trigger hang before insert on d for each row execute function hang()",
    );
    const copying = copyAll(doomed, [source("d", "1\n")]).then(
      () => expect.fail("copied"),
      (error: unknown) => error,
    );
    await client.query("select pg_terminate_backend($1)", [rows[0]?.pid]);
    expect(await copying).to.be.instanceOf(CopyFailure);
    doomed.release(true);
  });
});
