import { expect } from "chai";
import { inTenant } from "../../../data/catalog/catalog.ts";
import { tenantId } from "../../../model/tenant.ts";
import { testCatalog, type TestCatalog } from "../../support/catalog.ts";

const acme = tenantId.parse("acme");
const globex = tenantId.parse("globex");

const channelOf = (tenant: string, id: string) =>
  `insert into channel (tenant, channel, kind, settings, min_severity, events)
   values ('${tenant}', '${id}', 'webhook', '{"url":"http://x"}', 'low', '{}')`;
const messageOf = (work: Promise<unknown>) =>
  work.then(
    () => "it was allowed",
    (error: unknown) => String(error),
  );

describe("row-level security of the catalog", () => {
  let test: TestCatalog;
  before(async () => {
    test = await testCatalog();
    for (const id of [acme, globex]) {
      await test.catalog.service.query(
        "insert into tenant (tenant, name, tier, state, machines) values ($1, $1, 'shared', 'ready', 1)",
        [id],
      );
      await test.catalog.service.query(channelOf(id, "its-own"));
    }
  });
  after(() => test.catalog.close());

  it("shows a transaction the rows of its own tenant only", async () => {
    const { rows } = await inTenant(test.catalog, acme, (tx) => tx.query("select tenant from tenant"));
    expect(rows).to.deep.equal([{ tenant: "acme" }]);
  });

  it("lets no transaction write a row of another tenant", async () => {
    const forged = inTenant(test.catalog, acme, (tx) =>
      tx.query("delete from channel where tenant = 'globex' returning channel"),
    );
    expect((await forged).rowCount).to.equal(0);
    const planted = inTenant(test.catalog, acme, (tx) => tx.query(channelOf(globex, "planted")));
    expect(await messageOf(planted)).to.contain("row-level security");
  });

  it("lets a tenant's transaction change nothing of what a tenant is and where it lives", async () => {
    for (const sql of [
      "update tenant set state = 'ready'",
      "update tenant_placement set schema = 'tenant_globex'",
      "delete from topic",
      "update topic_generation set last_generation = 1",
      "update operation set status = 'failed'",
    ]) {
      const changed = inTenant(test.catalog, acme, (tx) => tx.query(sql));
      expect(await messageOf(changed), sql).to.contain("permission denied");
    }
  });

  it("shows nothing where no tenant was named", async () => {
    const { rows } = await test.catalog.app.query("select tenant from tenant");
    expect(rows).to.deep.equal([]);
  });
});
