import { expect } from "chai";
import pg from "pg";
import { appendAudit, listAudit, verifyAudit, type AuditEntry } from "../../../data/catalog/audit.ts";
import { inTenant } from "../../../data/catalog/catalog.ts";
import { sqlState } from "../../../data/pool.ts";
import { tenantId } from "../../../model/tenant.ts";
import { testCatalog, type TestCatalog } from "../../support/catalog.ts";

const acme = tenantId.parse("acme");
const INSUFFICIENT_PRIVILEGE = "42501";

function entry(more: Partial<AuditEntry> = {}): AuditEntry {
  const who = { actor: "admin", role: "platform-admin", from: "127.0.0.1" };
  return { ...who, action: "key.create", tenant: "acme", subject: "k1", result: "succeeded", ...more };
}

async function stateOf(promise: Promise<unknown>): Promise<string | undefined> {
  return promise.then(
    () => "succeeded",
    (error: unknown) => sqlState(error),
  );
}

describe("the audit trail", () => {
  let test: TestCatalog;
  let owner: pg.Client;
  beforeEach(async () => {
    test = await testCatalog();
    owner = new pg.Client({ ...test.admin, options: "-c search_path=catalog" });
    await owner.connect();
  });
  afterEach(async () => {
    await owner.end();
    await test.catalog.close();
  });

  it("is one chain, also when twenty append at once", async () => {
    const { service } = test.catalog;
    expect(await verifyAudit(service)).to.deep.equal({ isIntact: true, count: 0 });
    await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        appendAudit(service, entry({ detail: { index, b: null, a: "ü" } })),
      ),
    );
    expect(await verifyAudit(service)).to.deep.equal({ isIntact: true, count: 20 });
    // whatever the session's own notation of times is
    await owner.query("set timezone = 'Asia/Seoul'; set datestyle = 'German'");
    expect(await verifyAudit(owner)).to.deep.equal({ isIntact: true, count: 20 });
  });

  for (const [what, sql, brokenAt] of [
    ["a changed entry", "update audit set result = 'failed' where entry = 3", 3],
    ["a removed entry", "delete from audit where entry = 3", 3],
    ["a removed end", "delete from audit where entry = 5", 5],
    ["a changed time", "update audit set at = at + interval '1 microsecond' where entry = 2", 2],
    ["an end written anew", "update audit set actor = 'x', hash = '\\x00' where entry = 5", 5],
  ] as const) {
    it(`shows ${what}`, async () => {
      for (let index = 0; index < 5; index++) await appendAudit(test.catalog.service, entry());
      await owner.query(sql);
      expect(await verifyAudit(test.catalog.service)).to.deep.equal({ isIntact: false, brokenAt });
    });
  }

  it("cannot be written, changed or shortened by a role of the application", async () => {
    await appendAudit(test.catalog.service, entry());
    for (const pool of [test.catalog.service, test.catalog.app]) {
      for (const sql of [
        "update audit set result = 'x'",
        "delete from audit",
        "truncate audit",
        "update audit_head set entry = 0",
        `insert into audit (entry, at, actor, role, action, result, hash) values (9, now(), 'x', 'x', 'x', 'x', '')`,
      ]) {
        expect(await stateOf(pool.query(sql)), sql).to.equal(INSUFFICIENT_PRIVILEGE);
      }
    }
  });

  it("shows a tenant its own entries, and lets it append no other", async () => {
    const { catalog } = test;
    await catalog.service.query(
      "insert into tenant (tenant, name, tier, state, machines) values ('acme', 'Acme', 'shared', 'ready', 1)",
    );
    await appendAudit(catalog.service, entry());
    await appendAudit(catalog.service, entry({ tenant: "globex" }));
    await appendAudit(catalog.service, entry({ tenant: null }));
    const own = await inTenant(catalog, acme, (tx) => listAudit(tx, { limit: 10 }));
    expect(own.items.map(({ tenant }) => tenant)).to.deep.equal(["acme"]);
    await inTenant(catalog, acme, (tx) => appendAudit(tx, entry({ action: "rule.create" })));
    const forged = inTenant(catalog, acme, (tx) => appendAudit(tx, entry({ tenant: "globex" })));
    expect(await stateOf(forged)).to.equal(INSUFFICIENT_PRIVILEGE);
    expect(await verifyAudit(catalog.service)).to.deep.equal({ isIntact: true, count: 4 });
  });

  it("is listed newest first, page by page", async () => {
    for (let index = 0; index < 5; index++) await appendAudit(test.catalog.service, entry());
    const first = await listAudit(test.catalog.service, { limit: 3 });
    const second = await listAudit(test.catalog.service, { limit: 3, cursor: first.nextCursor ?? undefined });
    expect([...first.items, ...second.items].map(({ id }) => id)).to.deep.equal([5, 4, 3, 2, 1]);
    expect(second.nextCursor).to.equal(null);
  });
});
