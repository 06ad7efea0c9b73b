import { expect } from "chai";
import { readFences } from "../../../data/cell/fence.ts";
import { settleFence } from "../../../data/cell/settle-fence.ts";
import { tenantId } from "../../../model/tenant.ts";
import { asCellRole, testCell, testTenant } from "../../support/cell.ts";

describe("settleFence", () => {
  it("opens the fence of an earlier state at the placement's epoch, and no later one", async () => {
    const secret = await testCell();
    const tenant = await testTenant(secret, "restored");
    const fence = () =>
      asCellRole(secret, "admin", async (client) => (await readFences(client, [tenant])).get(tenant));
    await asCellRole(secret, "admin", (client) =>
      client.query(
        "update millwright.fence set epoch = 3, role = 'shadow', is_closed = true, closed_until = now()",
      ),
    );
    const open = { epoch: 5n, role: "primary", isClosed: false };
    expect(await settleFence(secret, tenant, 5n)).to.equal(true);
    expect(await fence()).to.deep.include(open);
    expect(await settleFence(secret, tenant, 4n), "a zombie's").to.equal(false);
    expect(await fence()).to.deep.include(open);
    expect(await settleFence(secret, tenantId.parse("nobody"), 5n)).to.equal(false);
  });
});
