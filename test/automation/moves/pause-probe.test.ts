import { setTimeout as delay } from "node:timers/promises";
import { expect } from "chai";
import { flipTenant, type FlipDeps } from "../../../automation/moves/flip-tenant.ts";
import { startPauseProbe } from "../../../automation/moves/pause-probe.ts";
import { addShadow } from "../../../data/catalog/shadow.ts";
import type { CellSecret } from "../../../data/cell/cell-secret.ts";
import { asFlipper, openFence, raiseFence } from "../../../data/cell/flip-fence.ts";
import type { TenantId } from "../../../model/tenant.ts";
import { testCatalog, type TestCatalog } from "../../support/catalog.ts";
import { asCellRole, testCell, testTenant } from "../../support/cell.ts";
import { eventually } from "../../support/eventually.ts";
import { placeTestTenant, registerTestCells } from "../../support/flip-tenant.ts";

/** Longer than a busy machine stands still for. */
const CLOSED_MS = 1_000;

describe("the pause that a writer sees", () => {
  let test: TestCatalog;
  let cells: Readonly<Record<string, CellSecret>>;
  let deps: FlipDeps;
  before(async () => {
    test = await testCatalog();
    cells = { S: await testCell(), T: await testCell() };
    await registerTestCells(test.catalog, ["S", "T"]);
    deps = {
      service: test.catalog.service,
      secretOf: (cell) => Promise.resolve(cells[cell]!),
    };
  });
  after(() => test.catalog.close());

  /** At home in S, followed by T, at epoch 1. */
  async function tenantOf(id: string): Promise<TenantId> {
    const tenant = await testTenant(cells["S"]!, id);
    await testTenant(cells["T"]!, id, { role: "shadow" });
    await placeTestTenant(test.catalog, tenant, "S");
    await addShadow(deps.service, { tenant, cell: "T", epoch: 1n });
    return tenant;
  }

  const prove = async () => {
    await delay(CLOSED_MS);
  };
  const flip = (tenant: TenantId, work: () => Promise<void>) =>
    flipTenant(deps, { tenant, epoch: 1n, target: "T", graceMs: 60_000, prove: work });

  /** The server processes of the probes in a cell. */
  const probesIn = (cell: string) =>
    asCellRole(cells[cell]!, "admin", async (client) => {
      const { rows } = await client.query<{ pid: number }>(
        `select pid from pg_stat_activity
          where datname = current_database() and application_name = 'millwright-pause-probe'`,
      );
      return rows.map(({ pid }) => pid);
    });

  it("is short while nothing happens, and as long as a flip keeps the cells closed", async () => {
    const tenant = await tenantOf("flipped");
    const quiet = await startPauseProbe(deps, tenant);
    expect(await probesIn("S")).to.have.length(1);
    const { pauseMs, probeCount, intervalMs } = await quiet.stop();
    expect(pauseMs).to.be.lessThan(CLOSED_MS);
    expect([probeCount > 1, intervalMs]).to.deep.equal([true, 10]);

    const probe = await startPauseProbe(deps, tenant);
    await flip(tenant, prove);
    const seen = await probe.stop();
    expect(seen.pauseMs).to.be.within(CLOSED_MS, 4_000); // it found the new home, or it would have looked for 5 s
    expect(seen.probeCount).to.be.greaterThan(10);
    await eventually("the probes' connections end", async () =>
      (await Promise.all(["S", "T"].map(probesIn))).every((pids) => pids.length === 0),
    );
  });

  it("counts a flip that comes to nothing", async () => {
    const tenant = await tenantOf("aborted");
    const probe = await startPauseProbe(deps, tenant);
    const failing = flip(tenant, async () => {
      await prove();
      throw new Error("differs");
    });
    expect(await failing.catch((error: unknown) => (error as Error).message)).to.equal("differs");
    expect((await probe.stop()).pauseMs).to.be.within(CLOSED_MS, 4_000);
  });

  it("counts to the end what still lasts when it is to stop", async () => {
    const tenant = await tenantOf("lasting");
    const probe = await startPauseProbe(deps, tenant);
    const secret = cells["S"]!;
    await asFlipper(secret, (client) => raiseFence(client, secret, tenant, 2n));
    const stopping = probe.stop();
    await delay(CLOSED_MS);
    await deps.service.query("update tenant_placement set epoch = 2 where tenant = $1", [tenant]);
    await asFlipper(secret, (client) => openFence(client, tenant, 2n));
    expect((await stopping).pauseMs).to.be.within(CLOSED_MS, 4_000);
  });

  it("goes on over a lost connection", async () => {
    const tenant = await tenantOf("cut");
    const probe = await startPauseProbe(deps, tenant);
    const [first] = await probesIn("S");
    await asCellRole(cells["S"]!, "admin", (client) =>
      client.query("select pg_terminate_backend($1)", [first]),
    );
    await eventually("another connection", async () => (await probesIn("S")).some((pid) => pid !== first));
    expect((await probe.stop()).pauseMs).to.be.lessThan(4_000);
  });
});
