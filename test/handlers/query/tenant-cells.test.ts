import { expect } from "chai";
import { registerCell } from "../../../data/catalog/cell.ts";
import { makePlacementStable, placeTenant } from "../../../data/catalog/placement.ts";
import { addTenant } from "../../../data/catalog/tenant.ts";
import type { CellSecret } from "../../../data/cell/cell-secret.ts";
import { inTransaction } from "../../../data/pool.ts";
import type { SecretStore } from "../../../data/secret-store.ts";
import { tenantCells } from "../../../handlers/query/tenant-cells.ts";
import { tenantId } from "../../../model/tenant.ts";
import { testCatalog, type TestCatalog } from "../../support/catalog.ts";
import { asCellRole, testCell } from "../../support/cell.ts";
import { eventually } from "../../support/eventually.ts";
import { newTenant } from "../../support/operations.ts";

const acme = tenantId.parse("acme");
const LOGIN = "tenant_cells_test"; // of this file alone: roles belong to the whole server

describe("tenantCells", () => {
  let test: TestCatalog;
  let secret: CellSecret;
  let askedCount = 0;
  const setPassword = (password: string) =>
    asCellRole(secret, "admin", (client) => client.query(`alter role ${LOGIN} password '${password}'`));

  before(async () => {
    test = await testCatalog();
    const { service } = test.catalog;
    await registerCell(service, { name: "shared-1", tier: "shared", tenantCapacity: 1 });
    await addTenant(service, newTenant("acme"));
    await inTransaction(service, async (tx) => {
      await placeTenant(tx, { id: acme, topic: "own" }, "shared-1");
      await makePlacementStable(tx, acme);
    });
    secret = await testCell();
    await asCellRole(secret, "admin", (client) =>
      client.query(`create role ${LOGIN} login in role millwright_query; grant connect on database
                    "${secret.database}" to ${LOGIN}`),
    );
  });
  after(async () => {
    await asCellRole(secret, "admin", (client) => client.query(`drop owned by ${LOGIN}; drop role ${LOGIN}`));
    await test.catalog.close();
  });

  it("waits for the new password when the cell has it before the secret", async () => {
    let stored: CellSecret = { ...secret, query: { user: LOGIN, password: "old" } };
    const get = () => {
      askedCount += 1;
      return Promise.resolve(stored);
    };
    const cells = tenantCells({ catalog: test.catalog, secrets: { get } as unknown as SecretStore });
    const whoAmI = () =>
      cells.atHome(acme, async ({ pool }) => {
        const { rows } = await pool.query<{ current_user: string }>("select current_user");
        return rows[0]?.current_user;
      });
    try {
      await setPassword("old");
      expect(await whoAmI()).to.equal(LOGIN);
      await setPassword("new");
      await asCellRole(secret, "admin", (client) =>
        client.query("select pg_terminate_backend(pid) from pg_stat_activity where usename = $1", [LOGIN]),
      );
      const pool = await cells.atHome(acme, (home) => Promise.resolve(home.pool));
      await eventually("the pool to see that its session is lost", () => pool.totalCount === 0);
      const refusedFrom = askedCount;
      const answer = whoAmI();
      answer.catch(() => undefined); // awaited below
      await eventually("the refused login to be tried again", () => askedCount >= refusedFrom + 3);
      stored = { ...secret, query: { user: LOGIN, password: "new" } };
      expect(await answer).to.equal(LOGIN);
    } finally {
      await cells.close();
    }
  });
});
