import { expect } from "chai";
import { standingNow } from "../../../automation/cost/environment.ts";
import type { Catalog } from "../../../data/catalog/catalog.ts";
import { addTenant } from "../../../data/catalog/tenant.ts";
import { HOURS_PER_MONTH } from "../../../model/cost/month.ts";
import { HOUR_MS } from "../../../model/duration.ts";
import { testCatalog } from "../../support/catalog.ts";
import { addMoveTo, newTenant } from "../../support/operations.ts";

const NOW_MS = Date.UTC(2026, 10, 21, 12);

describe("what stands in an environment", () => {
  let catalog: Catalog;
  before(async () => {
    ({ catalog } = await testCatalog());
  });
  after(() => catalog.close());

  const query = (sql: string, values: unknown[] = []) => catalog.service.query(sql, values);
  async function tenant(id: string, hoursAgo: number, more: Parameters<typeof newTenant>[1] = {}) {
    const added = newTenant(id, more);
    await addTenant(catalog.service, added);
    const since = new Date(NOW_MS - hoursAgo * HOUR_MS);
    await query("update tenant set created_at = $2 where tenant = $1", [id, since]);
    return added.id;
  }
  const used = (id: string, day: string, rows: number, storageBytes: number) =>
    query(
      `insert into usage_day (day, tenant, row_count, byte_count, query_count, query_ms, violation_count,
                              held_query_count, cell_query_ms, storage_bytes)
       values ($2, $1, $3, 0, 0, 0, 0, 0, 0, $4)`,
      [id, `${day}T00:00:00Z`, rows, storageBytes],
    );
  const measuredOf = async (id: string) => (await standingNow(catalog.service, NOW_MS)).get(id)?.measured;

  it("is of a young tenant what a whole month like its days would be", async () => {
    await tenant("young", 48);
    await used("young", "2026-11-19", 1_000, 500);
    await used("young", "2026-11-20", 1_000, 700);
    const measured = await measuredOf("young");
    expect(measured?.readings).to.be.closeTo((2_000 * HOURS_PER_MONTH) / 48, 1e-6);
    expect(measured?.storageBytes, "a size is an average, however long").to.equal(600);
  });

  it("makes no month of a first hour, and looks no further back than a quote", async () => {
    await tenant("fresh", 1);
    await used("fresh", "2026-11-21", 2_400, 0);
    expect((await measuredOf("fresh"))?.readings).to.be.closeTo(100 * HOURS_PER_MONTH, 1e-6);

    await tenant("old", 5_000);
    await used("old", "2026-10-22", 9_999_999, 0);
    await used("old", "2026-10-23", 708, 0); // 29.5 days and the half of today
    expect((await measuredOf("old"))?.readings).to.be.closeTo(HOURS_PER_MONTH, 1e-6);
  });

  it("counts databases of a tenant's own: those that a move makes, and those that it has not left", async () => {
    const [staying, owner, leaver, mover] = [
      await tenant("staying", 1),
      await tenant("owner", 1, { tier: "dedicated" }),
      await tenant("leaver", 1),
      await tenant("mover", 1, { tier: "dedicated" }),
    ];
    await addMoveTo(catalog.service, leaver, "dedicated-leaver");
    await addMoveTo(catalog.service, mover, "dedicated2-mover");
    await query("update tenant_move set source_tier = 'dedicated' where tenant = $1", [mover]);
    const databases = async () => {
      const standing = await standingNow(catalog.service, NOW_MS);
      return [staying, owner, leaver, mover].map((id) => standing.get(id)?.ownDatabases);
    };
    expect(await databases()).to.deep.equal([0, 1, 1, 2]);
    await query("update tenant_move set state = 'abandoned'");
    expect(await databases()).to.deep.equal([0, 1, 0, 1]);
  });
});
