import { expect } from "chai";
import pg from "pg";
import { ensureLogin } from "../../data/login-role.ts";
import { testDatabase } from "../support/postgres.ts";

const ROLE = "Login o'role";

describe("a login role", () => {
  let database: Awaited<ReturnType<typeof testDatabase>>;
  let admin: pg.Client;
  before(async () => {
    database = await testDatabase();
    admin = new pg.Client(database);
    await admin.connect();
  });
  after(() => admin.end());

  const logIn = async (password: string) => {
    const client = new pg.Client({ ...database, user: ROLE, password });
    await client.connect();
    await client.end();
  };

  it("logs in with the password that it was given last", async () => {
    await ensureLogin(admin, ROLE, "first's");
    await logIn("first's");
    await ensureLogin(admin, ROLE, "second");
    await logIn("second");
    const refused: unknown = await logIn("first's").catch((error: unknown) => error);
    expect(refused).to.have.property("code", "28P01");
  });

  it("is brought back under row-level security", async () => {
    await admin.query(`alter role ${pg.escapeIdentifier(ROLE)} bypassrls`);
    await ensureLogin(admin, ROLE, "second");
    const { rows } = await admin.query("select rolbypassrls from pg_roles where rolname = $1", [ROLE]);
    expect(rows).to.deep.equal([{ rolbypassrls: false }]);
  });

  it("has a password that stands in no statement, which a server may log", async () => {
    const watcher = new pg.Client(database);
    await watcher.connect();
    try {
      const { rows: own } = await admin.query<{ pid: number }>("select pg_backend_pid() as pid");
      await ensureLogin(admin, ROLE, "never-seen");
      const { rows } = await watcher.query<{ query: string }>(
        "select query from pg_stat_activity where pid = $1",
        [own[0]?.pid],
      );
      expect(rows[0]?.query)
        .to.match(/^alter role/)
        .and.not.include("never-seen");
    } finally {
      await watcher.end();
    }
  });
});
