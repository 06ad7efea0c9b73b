import { expect } from "chai";
import pg from "pg";
import { checkProperties, type Properties } from "../../../providers/properties.ts";
import { postgresqlPlugin } from "../../../providers/postgresql/plugin.ts";
import type { Sessions } from "../../../providers/postgresql/session.ts";
import type { DatabaseAddress } from "../../../data/pool.ts";
import { eventually } from "../../support/eventually.ts";
import { testDatabase } from "../../support/postgres.ts";

describe("the postgresql plugin", () => {
  let address: DatabaseAddress;
  let sessions: Sessions;
  let admin: pg.Client;
  let prefix: string;

  before(async () => {
    address = await testDatabase();
    const { host, port, user: username, password } = address;
    sessions = postgresqlPlugin.configure({ host, port: `${port}`, username, password, sslmode: "disable" });
    admin = new pg.Client(address);
    await admin.connect();
    prefix = `t${process.pid}`; // roles belong to the whole cluster
  });
  after(async () => {
    await sessions.close();
    await admin.end();
  });

  const typeOf = (token: string) => postgresqlPlugin.types[`postgresql:index/${token}`]!;
  const checked = (token: string, given: Properties) => {
    const { inputs, failures } = checkProperties(given, typeOf(token).properties);
    expect(failures).to.deep.equal([]);
    return inputs;
  };
  const create = async (token: string, given: Properties) =>
    (await typeOf(token).create(sessions, checked(token, given))).state;
  const update = (token: string, state: Properties, given: Properties) =>
    typeOf(token).update!(sessions, state, checked(token, given));
  const read = (token: string, state: Properties) => typeOf(token).read(sessions, state);
  const remove = (token: string, state: Properties) => typeOf(token).delete(sessions, state);
  const asRole = async (user: string, password: string, sql: string) => {
    const client = new pg.Client({ ...address, user, password });
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(sql)).rows;
    } finally {
      await client.end();
    }
  };

  const ROLE = "role:Role";
  const SCHEMA = "schema:Schema";
  const GRANT = "grant:Grant";
  const MEMBER = "grantRole:GrantRole";
  const DEFAULTS = "defaultPrivileges:DefaultPrivileges";
  const DATABASE = "database:Database";

  it("makes a role that can log in, with its limits, and changes its password", async () => {
    const given = {
      name: `${prefix}_login`,
      login: true,
      password: "it's $1 \\ fine",
      connectionLimit: 3,
      statementTimeout: 5000,
      searchPaths: [`${prefix} odd`, "public"],
    };
    const state = await create(ROLE, given);
    const sql =
      "select current_setting('statement_timeout') as limit, current_setting('search_path') as path";
    expect(await asRole(given.name, given.password, sql)).to.deep.equal([
      { limit: "5s", path: `"${prefix} odd", public` },
    ]);
    expect(await read(ROLE, state)).to.deep.include({ connectionLimit: 3, searchPaths: given.searchPaths });

    const changed = { ...given, password: "another", statementTimeout: 0 };
    await update(ROLE, state, changed);
    expect(await asRole(given.name, "another", "show statement_timeout")).to.deep.equal([
      { statement_timeout: "0" },
    ]);
    const refused = await asRole(given.name, given.password, "select 1").catch((error: unknown) => error);
    expect(refused).to.have.property("code", "28P01");
    await remove(ROLE, state);
  });

  it("keeps a password out of the statements that a server may log", async () => {
    const name = `${prefix}_hashed`;
    const state = await create(ROLE, { name, login: true, password: "never-seen" });
    const stored = await admin.query<{ rolpassword: string }>(
      "select rolpassword from pg_authid where rolname = $1",
      [name],
    );
    expect(stored.rows[0]?.rolpassword).to.match(/^SCRAM-SHA-256\$4096:/);
    await remove(ROLE, state);
  });

  it("adopts what a killed run left, for every type", async () => {
    const owner = `${prefix}_again_owner`;
    const reader = `${prefix}_again_reader`;
    const schema = `${prefix}_again`;
    const inSchema = { database: address.database, schema, role: reader };
    const steps: [string, Properties][] = [
      [ROLE, { name: owner }],
      [ROLE, { name: reader, login: true, password: "x" }],
      [DATABASE, { name: `${prefix}_again` }],
      [SCHEMA, { name: schema, database: address.database, owner, dropCascade: true }],
      [GRANT, { database: address.database, role: reader, objectType: "database", privileges: ["CONNECT"] }],
      [GRANT, { ...inSchema, objectType: "schema", privileges: ["USAGE"] }],
      [DEFAULTS, { ...inSchema, owner, objectType: "table", privileges: ["SELECT"] }],
      [MEMBER, { role: owner, grantRole: reader }],
    ];
    const first = [];
    for (const [token, given] of steps) first.push(await create(token, given));
    const second = [];
    for (const [token, given] of steps) second.push(await create(token, given));
    expect(second).to.deep.equal(first);

    for (const [index, [token]] of steps.entries()) {
      expect(await read(token, first[index]!), token).to.deep.equal(first[index]);
    }
    // and the way back, twice as well: a killed delete is repeated
    for (const index of [...steps.keys()].reverse()) await remove(steps[index]![0], first[index]!);
    for (const index of [...steps.keys()].reverse()) await remove(steps[index]![0], first[index]!);
    const left = await admin.query(
      "select from pg_roles where rolname like $1 union all select from pg_namespace where nspname like $1",
      [`${prefix}_again%`],
    );
    expect(left.rowCount).to.equal(0);
  });

  it("drops a role that still owns and was granted things in another database", async () => {
    const name = `${prefix}_clinging`;
    const state = await create(ROLE, { name });
    await admin.query(`create schema ${name} authorization ${name}`);
    await admin.query(`create table ${name}.t (x int)`);
    await admin.query(`grant select on ${name}.t to ${name}`);
    await remove(ROLE, state);
    expect((await admin.query("select from pg_roles where rolname = $1", [name])).rowCount).to.equal(0);
    expect((await admin.query(`select from ${name}.t`)).rowCount).to.equal(0); // the data went to the superuser
  });

  it("drops a role while the database that it has rights in goes, too", async () => {
    const [name, database] = [`${prefix}_leaving`, `${prefix}_going`];
    const [role, place] = [await create(ROLE, { name }), await create(DATABASE, { name: database })];
    await create(GRANT, {
      database,
      schema: "public",
      role: name,
      objectType: "schema",
      privileges: ["USAGE"],
    });
    const inside = new pg.Client({ ...address, database });
    await inside.connect();
    inside.on("error", () => undefined); // it is thrown out in the end
    await inside.query(`create table t (x int); alter table t owner to ${name}`);
    await inside.query("begin; lock table t in access share mode"); // its owner cannot change for a moment
    const roleRemoved = remove(ROLE, role);
    await eventually("the role's rights are being taken away", async () => {
      const { rowCount } = await admin.query(
        "select from pg_stat_activity where datname = $1 and wait_event_type = 'Lock'",
        [database],
      );
      return rowCount === 1;
    });
    const databaseRemoved = remove(DATABASE, place);
    await inside.query("commit");
    await Promise.all([roleRemoved, databaseRemoved]);
    expect((await admin.query("select from pg_roles where rolname = $1", [name])).rowCount).to.equal(0);
    expect((await admin.query("select from pg_database where datname = $1", [database])).rowCount).to.equal(
      0,
    );
  });

  it("shows drift: a privilege that somebody took away or added", async () => {
    const role = `${prefix}_drift`;
    const state = await create(ROLE, { name: role });
    const target = { database: address.database, role, objectType: "database" };
    const grant = await create(GRANT, { ...target, privileges: ["CONNECT"] });
    await admin.query(`grant create on database "${address.database}" to ${role}`);
    expect(await read(GRANT, grant)).to.have.deep.property("privileges", ["CONNECT", "CREATE"]);
    await update(GRANT, grant, { ...target, privileges: [] });
    expect(await read(GRANT, grant)).to.have.deep.property("privileges", []);
    await remove(GRANT, grant);
    await remove(ROLE, state);
  });

  it("does not lose a grant when many engines write the same row of the system catalog at once", async () => {
    const { host, port, user: username, password } = address;
    const settings = { host, port: `${port}`, username, password, sslmode: "disable" };
    const names = Array.from({ length: 8 }, (_, index) => `${prefix}_busy_${index}`);
    const engines = names.map(() => postgresqlPlugin.configure(settings));
    const grants = await Promise.all(
      names.map(async (role, index) => {
        await typeOf(ROLE).create(engines[index]!, checked(ROLE, { name: role }));
        const given = { database: address.database, role, objectType: "database", privileges: ["CONNECT"] };
        return (await typeOf(GRANT).create(engines[index]!, checked(GRANT, given))).state;
      }),
    );
    for (const grant of grants) expect(await read(GRANT, grant)).to.deep.equal(grant);
    for (const grant of grants) await remove(GRANT, grant);
    for (const name of names) await remove(ROLE, { name });
    await Promise.all(engines.map((engine) => engine.close()));
  });

  it("reads as gone what went with its database", async () => {
    const owner = address.user;
    const gone = `${prefix}_gone`;
    const inside = { database: gone, schema: "s", role: owner };
    const resources: [string, Properties][] = [
      [SCHEMA, { name: "s", database: gone, owner }],
      [GRANT, { ...inside, objectType: "schema", privileges: ["USAGE"] }],
      [DEFAULTS, { ...inside, owner, objectType: "table", privileges: ["SELECT"] }],
    ];
    for (const [token, given] of resources) {
      const state = checked(token, given);
      expect(await read(token, state), token).to.equal(undefined);
      await remove(token, state);
    }
  });

  it("refuses what it cannot do instead of doing something else", async () => {
    const policies = checkProperties(
      { name: "s", database: "d", owner: "o", policies: [] },
      typeOf(SCHEMA).properties,
    );
    expect(policies.failures.map(({ property }) => property)).to.deep.equal(["policies"]);
    const target = {
      database: address.database,
      role: "public",
      objectType: "table",
      privileges: ["SELECT"],
    };
    expect(await create(GRANT, target).catch(String)).to.match(/objectType 'table' is not known/);
    const injected = { ...target, objectType: "database", privileges: ["ALL; drop table x"] };
    expect(await create(GRANT, injected).catch(String)).to.match(/no such privilege/);
  });

  it("goes on after its connection was lost", async () => {
    const name = `${prefix}_back`;
    const state = await create(ROLE, { name });
    await admin.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'pulumi-resource-postgresql'",
    );
    // The first statement may still meet the broken connection; the engine reports it, and the next run goes on.
    await read(ROLE, state).catch(() => undefined);
    expect(await read(ROLE, state)).to.deep.equal(state);
    await remove(ROLE, state);
  });
});
