import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { expect } from "chai";
import { cellSecret, type CellSecret } from "../../data/cell/cell-secret.ts";
import { MillwrightError } from "../../model/errors.ts";
import type { TenantLog } from "../../model/tenant-log.ts";
import { isUnchanged, localStacks, runAs, stateFileOf, type LocalStacks } from "../support/local-stacks.ts";

const PLATFORM = "platform-development";
const SHARED = { cell: "shared-1" };
const INSUFFICIENT_PRIVILEGE = "42501";
const TOO_LITTLE = [INSUFFICIENT_PRIVILEGE, "28000"];

describe("the stacks under the real engine", function () {
  this.timeout(120_000);
  let stacks: LocalStacks;
  let shared: CellSecret;
  let acme: { readonly user: string; readonly password: string };

  before(async function () {
    this.timeout(900_000); // the engine may have to be built first
    stacks = await localStacks();
  });
  after(() => stacks.remove());

  const codeOf = async (work: Promise<unknown>) => {
    const error: unknown = await work.catch((reason: unknown) => reason);
    if (!(error instanceof MillwrightError)) throw new Error("expected a MillwrightError", { cause: error });
    return error;
  };

  it("builds the platform, and finds nothing to do the second time", async () => {
    await stacks.session(PLATFORM, stacks.platformConfig(), async (session) => {
      await session.up();
      expect(isUnchanged(await session.up())).to.equal(true);
      const outputs = await session.outputs();
      shared = cellSecret.parse((outputs["cells"] as Record<string, unknown>)["shared-1"]);
    });
    expect(await runAs(shared, shared.ingest, ["select 1 as one"])).to.deep.equal([{ one: 1 }]);
  });

  it("builds two tenants in the shared cell, and finds nothing to do the second time", async () => {
    await stacks.session("tenant-acme", stacks.tenantConfig("acme", [SHARED]), async (session) => {
      await session.preview();
      await session.up();
      expect(isUnchanged(await session.preview())).to.equal(true);
      const outputs = await session.outputs();
      acme = outputs["reader"] as typeof acme;
      expect(outputs["placement"]).to.deep.equal({
        cell: "shared-1",
        database: "readings",
        schema: "tenant_acme",
      });
      expect(
        (outputs["log"] as TenantLog).topics.map(({ topic, partitions }) => [topic, partitions]),
      ).to.deep.equal([
        ["acme.alerts.g1", 1],
        ["acme.deadletters.g1", 1],
        ["acme.readings.g1", 2],
      ]);
      expect(outputs["cells"]).to.deep.equal({});
    });
    await stacks.session("tenant-beta", stacks.tenantConfig("beta", [SHARED]), (session) => session.up());
  });

  it("keeps the tenants of a cell apart, by SQL as each role", async () => {
    for (const tenant of ["acme", "beta"]) {
      const owner = `set role tenant_${tenant}_owner`;
      const tables = await runAs(shared, shared.admin, [
        owner,
        `create table tenant_${tenant}.t as select 1 as x`,
      ]);
      expect(tables).to.deep.equal([]);
    }
    const asReader = (sql: string, database?: string) => runAs(shared, acme, [sql], database);
    expect(await asReader("select x from t"), "its own, by its search path").to.deep.equal([{ x: 1 }]);
    expect(await asReader("select x from tenant_beta.t"), "its neighbour's").to.equal(INSUFFICIENT_PRIVILEGE);
    expect(await asReader("insert into t values (2)")).to.equal(INSUFFICIENT_PRIVILEGE);
    expect(await asReader("create table tenant_acme.own (x int)")).to.equal(INSUFFICIENT_PRIVILEGE);
    expect(await asReader("create table public.own (x int)")).to.equal(INSUFFICIENT_PRIVILEGE);
    expect(await asReader("create temp table own (x int)")).to.equal(INSUFFICIENT_PRIVILEGE);
    expect(await asReader("show statement_timeout")).to.deep.equal([{ statement_timeout: "30s" }]);
    const idle = "idle_in_transaction_session_timeout";
    expect(await asReader(`show ${idle}`)).to.deep.equal([{ [idle]: "1min" }]);
    expect(await asReader("set role tenant_beta_reader")).to.equal(INSUFFICIENT_PRIVILEGE);
    expect(await asReader("set role tenant_acme_writer")).to.equal(INSUFFICIENT_PRIVILEGE);
    expect(await asReader("select 1", "postgres"), "another database").to.be.oneOf(TOO_LITTLE);
    expect(await asReader("select 1", "template1"), "another database").to.be.oneOf(TOO_LITTLE);
  });

  it("lets ingestion add to every tenant, and a query read only as one tenant's reader", async () => {
    const { ingest, query } = shared;
    expect(await runAs(shared, ingest, ["insert into tenant_acme.t values (2) returning x"])).to.deep.equal([
      { x: 2 },
    ]);
    expect(await runAs(shared, ingest, ["insert into tenant_beta.t values (3) returning x"])).to.deep.equal([
      { x: 3 },
    ]);
    expect(await runAs(shared, ingest, ["delete from tenant_acme.t"])).to.equal(INSUFFICIENT_PRIVILEGE);
    expect(await runAs(shared, query, ["select x from tenant_acme.t"])).to.equal(INSUFFICIENT_PRIVILEGE);
    const asReader = ["set role tenant_acme_reader", "select max(x) as x from tenant_acme.t"];
    expect(await runAs(shared, query, asReader)).to.deep.equal([{ x: 2 }]);
    const asNeighbour = ["set role tenant_acme_reader", "select x from tenant_beta.t"];
    expect(await runAs(shared, query, asNeighbour)).to.equal(INSUFFICIENT_PRIVILEGE);
  });

  it("adopts what is there when a state was lost: rows stay, the login changes", async () => {
    await rm(stateFileOf(stacks.layout, "tenant-acme"));
    await stacks.session("tenant-acme", stacks.tenantConfig("acme", [SHARED]), async (session) => {
      await session.up();
      const renewed = (await session.outputs())["reader"] as typeof acme;
      expect(renewed.password).not.to.equal(acme.password);
      acme = renewed;
    });
    expect(await runAs(shared, acme, ["select count(*)::int as rows from t"])).to.deep.equal([{ rows: 2 }]);
  });

  it("refuses a dedicated tenant over the limit, and one that nobody counted, before anything is made", async () => {
    for (const [facts, message] of [
      [{ dedicatedTenantCount: 2 }, /2 dedicated tenants; the limit is 1/],
      [{}, /not known how many/],
    ] as const) {
      const config = stacks.tenantConfig("gamma", [{ cell: "dedicated-gamma" }], facts);
      const refusal = await codeOf(stacks.session("tenant-gamma", config, (session) => session.preview()));
      expect(refusal.code).to.equal("policy-refused");
      expect(`${refusal.message} ${JSON.stringify(refusal.fields)}`).to.match(message);
    }
    expect(existsSync(stacks.cellFolder("dedicated-gamma"))).to.equal(false);
  });

  it("builds a dedicated tenant in a cell of its own, and takes all of it away once protection is lifted", async () => {
    const facts = { dedicatedTenantCount: 1 };
    await stacks.session(
      "tenant-gamma",
      stacks.tenantConfig("gamma", [{ cell: "dedicated-gamma" }], facts),
      async (session) => {
        await session.preview();
        await session.up();
        expect(isUnchanged(await session.preview())).to.equal(true);
        const outputs = await session.outputs();
        const cell = cellSecret.parse((outputs["cells"] as Record<string, unknown>)["dedicated-gamma"]);
        const reader = outputs["reader"] as typeof acme;
        expect(cell.port).not.to.equal(shared.port);
        expect(await runAs(cell, reader, ["select current_user as me"])).to.deep.equal([
          { me: "tenant_gamma_reader" },
        ]);
        expect(await codeOf(session.destroy())).to.have.property("code", "engine-failed");
      },
    );
    const lifted = stacks.tenantConfig("gamma", [{ cell: "dedicated-gamma", isProtected: false }], facts);
    await stacks.session("tenant-gamma", lifted, async (session) => {
      await session.up();
      await session.destroy();
    });
    expect(existsSync(stacks.cellFolder("dedicated-gamma"))).to.equal(false);
  });

  it("leaves no role and no schema of a shared tenant behind, and its neighbour whole", async () => {
    const lifted = stacks.tenantConfig("acme", [{ ...SHARED, isProtected: false }]);
    await stacks.session("tenant-acme", lifted, async (session) => {
      await session.up();
      await session.destroy();
    });
    const left = await runAs(shared, shared.admin, [
      `select rolname::text as name from pg_roles where rolname like 'tenant\\_%'
       union all select nspname from pg_namespace where nspname like 'tenant\\_%' order by 1`,
    ]);
    expect((left as { name: string }[]).map(({ name }) => name)).to.deep.equal([
      "tenant_beta",
      "tenant_beta_owner",
      "tenant_beta_reader",
      "tenant_beta_writer",
    ]);
  });
});
