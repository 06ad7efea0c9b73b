import { expect } from "chai";
import { watchFlips } from "../../../automation/moves/watch-flips.ts";
import { beginFlip, readFlip } from "../../../data/catalog/flip.ts";
import { readFences } from "../../../data/cell/fence.ts";
import { asFlipper, raiseFence } from "../../../data/cell/flip-fence.ts";
import { tenantId } from "../../../model/tenant.ts";
import { testCatalog } from "../../support/catalog.ts";
import { asCellRole, testCell, testTenant } from "../../support/cell.ts";
import { eventually } from "../../support/eventually.ts";
import { placeTestTenant, registerTestCells } from "../../support/flip-tenant.ts";

describe("the watch over flips", () => {
  it("opens what a dead mover has closed, also when the cell is away at first, and says both", async () => {
    const { catalog } = await testCatalog();
    const cell = await testCell();
    const tenant = tenantId.parse("left");
    await registerTestCells(catalog, ["S", "T"]);
    await testTenant(cell, tenant);
    await placeTestTenant(catalog, tenant, "S");
    await beginFlip(catalog.service, tenant, 1n, "T", 0);
    await asFlipper(cell, (client) => raiseFence(client, cell, tenant, 2n));

    let isAway = true;
    const away = new Error("away");
    const told: object[] = [];
    const secretOf = () => {
      if (!isAway) return Promise.resolve(cell);
      isAway = false;
      return Promise.reject(away);
    };
    const watch = watchFlips(
      { service: catalog.service, secretOf },
      { warn: (facts: object) => void told.push(facts) },
    );
    const fence = await eventually("an open fence", () =>
      asCellRole(cell, "admin", async (client) => {
        const now = (await readFences(client, [tenant])).get(tenant);
        return now?.isClosed === false && now;
      }),
    );
    await eventually("a flip that is settled", async () => {
      const flip = await readFlip(catalog.service, tenant);
      return flip?.state === "stable" && flip.flipSource === undefined;
    });
    await watch.stop();
    expect(fence).to.deep.equal({ epoch: 2n, role: "primary", isClosed: false });
    expect(told).to.deep.equal([{ tenantId: tenant, err: away }, { tenantId: tenant }]);
    await catalog.close();
  });
});
