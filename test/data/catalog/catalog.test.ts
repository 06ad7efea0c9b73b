import { expect } from "chai";
import { inTenant } from "../../../data/catalog/catalog.ts";
import { tenantId } from "../../../model/tenant.ts";
import { testCatalog, type TestCatalog } from "../../support/catalog.ts";

const acme = tenantId.parse("acme");
const globex = tenantId.parse("globex");

describe("row-level security of the catalog", () => {
  let test: TestCatalog;
  before(async () => {
    test = await testCatalog();
    for (const id of [acme, globex]) {
      await test.catalog.service.query(
        "insert into tenant (tenant, name, tier, state, machines) values ($1, $1, 'shared', 'ready', 1)",
        [id],
      );
    }
  });
  after(() => test.catalog.close());

  it("shows a transaction the rows of its own tenant only", async () => {
    const { rows } = await inTenant(test.catalog, acme, (tx) => tx.query("select tenant from tenant"));
    expect(rows).to.deep.equal([{ tenant: "acme" }]);
  });

  it("lets no transaction write a row of another tenant", async () => {
    const forged = inTenant(test.catalog, acme, (tx) =>
      tx.query("update tenant set name = 'x' where tenant = 'globex'"),
    );
    expect((await forged).rowCount).to.equal(0);
    const moved = inTenant(test.catalog, acme, (tx) => tx.query("update tenant set tenant = 'globex2'"));
    await moved.then(
      () => expect.fail("the row left its tenant"),
      (error: unknown) => expect(String(error)).to.contain("row-level security"),
    );
  });

  it("shows nothing where no tenant was named", async () => {
    const { rows } = await test.catalog.app.query("select tenant from tenant");
    expect(rows).to.deep.equal([]);
  });
});
