import { expect } from "chai";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { cellSecret, type CellSecret } from "../../data/cell/cell-secret.ts";
import { TENANT_ROLES, type TenantRole } from "../../model/role.ts";
import { eventually } from "../support/eventually.ts";
import { runAs } from "../support/local-stacks.ts";
import { TestPlatform } from "../support/platform.ts";

const DENIED = "42501";
const WRONG_PASSWORD = "28P01";
const NOT_LET_IN = [DENIED, "28000", WRONG_PASSWORD];
/** Two neighbours in the shared cell, and one in a cell of its own. */
const TENANTS = ["acme", "globex", "giant"] as const;
type Id = (typeof TENANTS)[number];

/** What each tenant's rows and nobody else's hold. */
const MARK: Readonly<Record<Id, number>> = { acme: 111.5, globex: 222.5, giant: 333.5 };

interface Login {
  readonly user: string;
  readonly password: string;
}

describe("three tenants of one platform", function () {
  this.timeout(10 * 60_000);
  let platform: TestPlatform;
  const keys = new Map<string, string>();
  const secretOf = async (name: string): Promise<unknown> =>
    JSON.parse(await readFile(path.join(platform.home, "secrets", `${name}.json`), "utf8"));
  const keyOf = (id: Id, role: TenantRole) => keys.get(`${id}/${role}`) ?? "";
  const as = (id: Id, role: TenantRole, method: string, route: string, body?: unknown) =>
    platform.call(method, route, body, { token: keyOf(id, role) });

  let shared: CellSecret;
  let dedicated: CellSecret;
  const reader = new Map<Id, Login>();
  /** Ids of globex's things, which acme is after. */
  const theirs = { operation: "", alert: "", channel: "", key: "" };

  before(async () => {
    platform = await (await TestPlatform.inNewHome()).start();
    for (const id of TENANTS) await platform.tenant(id, { tier: id === "giant" ? "dedicated" : "shared" });
    for (const id of TENANTS) {
      for (const role of TENANT_ROLES) keys.set(`${id}/${role}`, await platform.key(id, role));
      reader.set(id, (await secretOf(`reader-${id}`)) as Login);
      await fill(id);
    }
    shared = cellSecret.parse(await secretOf("cell-shared-1"));
    dedicated = cellSecret.parse(await secretOf("cell-dedicated-giant"));
    const [operation] = (await as("globex", "viewer", "GET", "/v1/operations")).body.operations;
    const [alert] = (await as("globex", "viewer", "GET", "/v1/alerts")).body.alerts;
    const [channel] = (await as("globex", "viewer", "GET", "/v1/channels")).body.channels;
    const [key] = (await as("globex", "viewer", "GET", "/v1/tenants/globex/keys")).body.keys;
    Object.assign(theirs, { operation: operation.id, alert: alert.id, channel: channel.id, key: key.id });
  });
  after(() => platform.remove());

  /** A rule, a channel, then two readings: the second one alerts. All under the same ids for every tenant. */
  async function fill(id: Id): Promise<void> {
    const channel = { kind: "webhook", url: "http://127.0.0.1:9/", secret: `secret-of-${id}` };
    expect((await as(id, "operator", "POST", "/v1/channels", channel)).status).to.equal(201);
    const condition = { kind: "threshold", op: ">", limit: 100 };
    const facts = { type: "machine", metric: "temperature_c", severity: "high", condition };
    const rule = { id: "hot", name: `Hot at ${id}`, ...facts };
    expect((await as(id, "operator", "POST", "/v1/rules", rule)).status).to.equal(201);
    const readings = [20, MARK[id]].map((temperature_c, index) => ({
      ...{
        type: "machine",
        machineId: "m-1",
        ts: new Date(Date.now() - 5_000 + index * 1_000).toISOString(),
      },
      values: { temperature_c },
    }));
    const sent = await as(id, "machine", "POST", "/v1/data", { batchId: "b-1", readings });
    expect(sent.body).to.deep.equal({ accepted: 2, rejected: [] });
    await eventually(`the readings and the alert of ${id}`, async () => {
      const { alerts } = (await as(id, "viewer", "GET", "/v1/alerts")).body;
      return (await marksSeenBy(id)).length === 2 && alerts.length === 1;
    });
  }

  async function marksSeenBy(id: Id, query = ""): Promise<number[]> {
    const { body } = await as(id, "viewer", "GET", `/v1/data/machine${query}`);
    return body.rows.map(({ temperature_c }: { temperature_c: number }) => temperature_c);
  }

  describe("by API", () => {
    it("shows each tenant its own readings, also when ids and batch ids are the same", async () => {
      for (const id of TENANTS) expect(await marksSeenBy(id)).to.deep.equal([20, MARK[id]]);
    });

    it("answers 404 to every role that names its neighbour, as for a tenant that does not exist", async () => {
      for (const role of TENANT_ROLES)
        for (const [method, route, body] of [
          ["GET", "/v1/tenants/ID"],
          ["PATCH", "/v1/tenants/ID", { budgetUsdPerMonth: 1 }],
          ["DELETE", "/v1/tenants/ID", { confirm: "ID" }],
          ["GET", "/v1/tenants/ID/keys"],
          ["POST", "/v1/tenants/ID/keys", { role: "viewer", label: "mine" }],
          ["DELETE", `/v1/tenants/ID/keys/${theirs.key}`],
          ["GET", "/v1/data/machine?tenant=ID"],
          ["POST", "/v1/data?tenant=ID", { readings: [] }],
          ["GET", "/v1/rules?tenant=ID"],
          ["GET", "/v1/alerts?tenant=ID"],
          ["GET", "/v1/channels?tenant=ID"],
          ["GET", "/v1/operations?tenant=ID"],
          ["GET", "/v1/audit?tenant=ID"],
        ] as const) {
          const answers = [];
          for (const id of ["globex", "nobody"]) {
            const sent = body === undefined ? undefined : JSON.stringify(body).replace("ID", id);
            const { status, body: problem } = await as("acme", role, method, route.replace("ID", id), sent);
            expect([status, problem.code], `${role} ${method} ${route}`).to.deep.equal([
              404,
              "tenant-unknown",
            ]);
            answers.push(JSON.stringify(problem).replaceAll(id, "ID"));
          }
          expect(answers[0]).to.equal(answers[1]);
        }
    });

    it("answers 404 for its neighbour's things, and changes none of them", async () => {
      for (const [method, route, body] of [
        ["GET", `/v1/operations/${theirs.operation}`],
        ["GET", `/v1/operations/${theirs.operation}/events`],
        ["GET", `/v1/alerts/${theirs.alert}`],
        ["GET", `/v1/alerts/${theirs.alert}/deliveries`],
        ["POST", `/v1/alerts/${theirs.alert}/acknowledge`],
        ["POST", `/v1/alerts/${theirs.alert}/shelve`, { until: new Date(Date.now() + 60_000).toISOString() }],
        ["POST", `/v1/alerts/${theirs.alert}/comment`, { text: "mine" }],
        ["DELETE", `/v1/channels/${theirs.channel}`],
        ["DELETE", `/v1/tenants/acme/keys/${theirs.key}`],
      ] as const) {
        const answer = await as("acme", "tenant-admin", method, route, body);
        expect(answer.status, `${method} ${route}`).to.equal(404);
      }
      const { alert } = (await as("globex", "viewer", "GET", `/v1/alerts/${theirs.alert}`)).body;
      expect(alert).to.deep.include({ acknowledgedAt: null, shelvedUntil: null, comments: [] });
      for (const verb of ["cancel", "retry"]) {
        const { status } = await as(
          "acme",
          "tenant-admin",
          "POST",
          `/v1/operations/${theirs.operation}/${verb}`,
        );
        expect(status).to.equal(403);
      }
    });

    it("lists nothing of its neighbour, and deletes its own rule only, whatever it is called", async () => {
      for (const list of [
        "tenants",
        "operations",
        "audit",
        "rules",
        "alerts",
        "channels",
        "tenants/acme/keys",
      ]) {
        const { body } = await as(
          "acme",
          "tenant-admin",
          "GET",
          `/v1/${list}?${/keys/.test(list) ? "" : "limit=1000"}`,
        );
        expect(JSON.stringify(body), list).to.not.match(/globex|giant/);
      }
      expect((await as("acme", "operator", "DELETE", "/v1/rules/hot")).status).to.equal(204);
      expect((await as("globex", "viewer", "GET", "/v1/rules/hot")).body.rule.name).to.equal("Hot at globex");
    });

    it("takes no tenant from a payload, a header or a cursor", async () => {
      const reading = {
        type: "machine",
        machineId: "m-1",
        ts: new Date().toISOString(),
        values: { temperature_c: 1 },
      };
      for (const forged of [
        { ...reading, tenantId: "globex" },
        { ...reading, tenant: "globex" },
        { ...reading, values: { temperature_c: 1, tenant: "globex" } },
      ]) {
        const { body } = await as("acme", "machine", "POST", "/v1/data", { readings: [forged] });
        expect(body.accepted, JSON.stringify(forged)).to.equal(0);
      }
      for (const frame of [
        { tenant: "globex", readings: [reading] },
        { tenantId: "globex", readings: [reading] },
      ])
        expect((await as("acme", "machine", "POST", "/v1/data", frame)).status).to.equal(400);
      const headers = {
        "x-tenant": "globex",
        "x-tenant-id": "globex",
        "x-forwarded-user": "globex",
        tenant: "globex",
      };
      const options = { token: keyOf("acme", "viewer"), headers };
      const { body } = await platform.call("GET", "/v1/data/machine", undefined, options);
      expect(body.rows.map((row: { temperature_c: number }) => row.temperature_c)).to.deep.equal([
        20,
        MARK.acme,
      ]);

      const page = await as("globex", "viewer", "GET", "/v1/data/machine?limit=1");
      expect(await marksSeenBy("acme", `?cursor=${page.body.nextCursor as string}`)).to.not.include(
        MARK.globex,
      );
      expect(await marksSeenBy("globex")).to.deep.equal([20, MARK.globex]);
    });

    it("refuses a key whose halves are of two tenants", async () => {
      const [own, other] = [keyOf("acme", "viewer"), keyOf("globex", "viewer")];
      for (const token of [other.slice(0, 20) + own.slice(20), own.slice(0, 20) + other.slice(20)])
        expect((await platform.call("GET", "/v1/tenants", undefined, { token })).status).to.equal(401);
    });
  });

  describe("by SQL", () => {
    const asReader = (id: Id, ...statements: string[]) =>
      runAs(id === "giant" ? dedicated : shared, reader.get(id)!, statements);

    it("lets each reader read its own rows and nothing of its neighbour", async () => {
      for (const id of TENANTS)
        expect(await asReader(id, "select temperature_c from machine_telemetry order by time")).to.deep.equal(
          [{ temperature_c: 20 }, { temperature_c: MARK[id] }],
        );
      for (const sql of [
        "select from tenant_globex.machine_telemetry",
        "insert into tenant_globex.machine_telemetry (time, machine_id, log_ref, ordinal) values (now(), 'm', 1, 1)",
        "insert into tenant_acme.machine_telemetry (time, machine_id, log_ref, ordinal) values (now(), 'm', 1, 1)",
        "delete from tenant_acme.machine_telemetry",
        "create table tenant_acme.t ()",
        "create table public.t ()",
        "create temp table t ()",
        "create schema s",
        "select from millwright.fence",
        "select from millwright.machine",
        "select from millwright.dead_letter",
        "select from pg_authid",
        "select from pg_statistic",
        "select pg_total_relation_size('tenant_globex.machine_telemetry')",
        "select pg_terminate_backend(pid) from pg_stat_activity where usename <> current_user",
        "select pg_read_file('postgresql.conf')",
        "copy (select 1) to program 'true'",
        "select pg_advisory_lock(1)",
        "select pg_try_advisory_xact_lock_shared(1)",
        "select lo_from_bytea(0, 'x')",
        "set temp_file_limit = -1",
        "alter role tenant_acme_reader superuser",
      ])
        expect(await asReader("acme", sql), sql).to.equal(DENIED);
      for (const role of ["owner", "writer", "reader"])
        expect(await asReader("acme", `set role tenant_globex_${role}`), role).to.equal(DENIED);
      for (const role of [
        "tenant_acme_owner",
        "tenant_acme_writer",
        "millwright_ingest",
        "millwright_query",
        "millwright",
      ])
        expect(await asReader("acme", `set role ${role}`), role).to.equal(DENIED);
    });

    it("shows a reader no value, no statement and no statistics of its neighbour", async () => {
      for (const sql of [
        "select from pg_stats where schemaname <> all (array['tenant_acme', 'pg_catalog', 'information_schema'])",
        "select from information_schema.tables where table_schema like 'tenant\\_%' and table_schema <> 'tenant_acme'",
        `select from pg_stat_activity where usename <> current_user
            and (client_addr is not null or query not in ('<insufficient privilege>', ''))`,
      ])
        expect(await asReader("acme", sql), sql).to.deep.equal([]);
    });

    it("lets no login of one cell into the other, and no reader into another database", async () => {
      for (const login of ["admin", "ingest", "query"] as const) {
        expect(await runAs(shared, dedicated[login], ["select 1"]), login).to.equal(WRONG_PASSWORD);
        expect(await runAs(dedicated, shared[login], ["select 1"]), login).to.equal(WRONG_PASSWORD);
      }
      expect(await runAs(shared, reader.get("giant")!, ["select 1"])).to.equal(WRONG_PASSWORD);
      expect(await runAs(dedicated, reader.get("acme")!, ["select 1"])).to.equal(WRONG_PASSWORD);
      for (const login of [reader.get("acme")!, shared.ingest, shared.query])
        for (const database of ["postgres", "template1"])
          expect(await runAs(shared, login, ["select 1"], database), database).to.be.oneOf(NOT_LET_IN);
    });

    it("lets the query login see one tenant at a time, and ingestion change nothing", async () => {
      const { query, ingest } = shared;
      expect(await runAs(shared, query, ["select from tenant_acme.machine_telemetry"])).to.equal(DENIED);
      const role = "set role tenant_acme_reader";
      expect(await runAs(shared, query, [role, "select from tenant_globex.machine_telemetry"])).to.equal(
        DENIED,
      );
      expect(await runAs(shared, ingest, ["delete from tenant_acme.machine_telemetry"])).to.equal(DENIED);
      expect(await runAs(shared, ingest, ["update millwright.fence set epoch = 9"])).to.equal(DENIED);
    });

    it("gives a stolen login of the catalog no more than its own part", async () => {
      const catalog = (await secretOf("catalog")) as Record<
        "host" | "database" | "app" | "service" | "log",
        string
      > & {
        port: number;
      };
      const login = async (
        name: "app" | "service" | "log",
        sql: readonly string[],
        database = catalog.database,
      ) => {
        const place = { ...shared, host: catalog.host, port: catalog.port, database };
        return runAs(place, { user: `millwright_${name}`, password: catalog[name] }, sql);
      };
      const ofAcme = ["begin", "set local millwright.tenant = 'acme'"];
      for (const sql of [
        "select secret from catalog.channel",
        "select from catalog.executor_lease",
        "select from catalog.idempotency_key",
        "select from log.record",
        "update catalog.tenant_placement set schema = 'tenant_globex'",
        "update catalog.operation set result = '{}'",
        "insert into catalog.api_key (key, tenant, role, label, secret_hash, created_by) values ('0', 'globex', 'viewer', '', sha256(''), '')",
        "insert into catalog.api_key (key, tenant, role, label, secret_hash, created_by) values ('0', null, 'platform-admin', '', sha256(''), '')",
        "delete from catalog.audit",
        "alter table catalog.tenant disable row level security",
        "set role millwright_service",
      ])
        expect(await login("app", [...ofAcme, sql]), sql).to.equal(DENIED);
      expect(await login("app", [...ofAcme, "select tenant from catalog.tenant"])).to.deep.equal([
        { tenant: "acme" },
      ]);
      expect(await login("app", ["select tenant from catalog.tenant"])).to.deep.equal([]);
      expect(await login("log", ["select from catalog.tenant"])).to.equal(DENIED);
      for (const name of ["app", "service", "log"] as const)
        expect(await login(name, ["select 1"], "millwright_workflows"), name).to.be.oneOf(NOT_LET_IN);
    });

    it("listens on loopback only, and asks everybody for a password", async () => {
      for (const cell of [shared, dedicated]) {
        const settings = await runAs(cell, cell.admin, [
          `select current_setting('listen_addresses') as tcp, current_setting('unix_socket_directories') as unix,
                  (select count(*)::int from pg_hba_file_rules where auth_method <> 'scram-sha-256') as open_doors`,
        ]);
        expect(settings).to.deep.equal([{ tcp: "127.0.0.1", unix: "", open_doors: 0 }]);
      }
    });
  });
});
