import { expect } from "chai";
import type pg from "pg";
import { addTenant } from "../../../data/catalog/tenant.ts";
import type { Catalog } from "../../../data/catalog/catalog.ts";
import { openIngestPool } from "../../../data/cell/cell-pool.ts";
import type { CellSecret } from "../../../data/cell/cell-secret.ts";
import { checkDeadLetters } from "../../../handlers/ingest/check-dead-letters.ts";
import type { TenantId } from "../../../model/tenant.ts";
import { testCatalog } from "../../support/catalog.ts";
import { asCellRole, testCell, testTenant } from "../../support/cell.ts";

const LIMITS = { windowMs: 300_000, letterCount: 20 };

describe("the alarm of growing dead letters", () => {
  let secret: CellSecret;
  let pool: pg.Pool;
  let catalog: Catalog;
  let count = 0;
  before(async () => {
    secret = await testCell();
    pool = openIngestPool(secret, "test");
    ({ catalog } = await testCatalog());
  });
  after(() => Promise.all([pool.end(), catalog.close()]));

  async function newTenant(): Promise<TenantId> {
    const tenant = await testTenant(secret, `growth-${++count}`);
    const facts = {
      name: tenant,
      tier: "shared",
      machines: 1,
      budgetUsdPerMonth: null,
      contacts: [],
    } as const;
    await addTenant(catalog.service, { id: tenant, ...facts });
    return tenant;
  }
  const sql = (text: string, values: unknown[]) =>
    asCellRole(secret, "admin", (client) => client.query(text, values));
  /** @param age - since the cell got them */
  const letters = (tenant: TenantId, letterCount: number, age = "0") =>
    sql(
      `insert into millwright.dead_letter (tenant, topic, partition, record_offset, log_ref, appended_at, reason,
                                           message, raw, raw_bytes, kept_at)
       select $1, 't', 0, n, n, now(), 'reading-invalid', '', '', 0, now() - $3::interval from generate_series(1, $2::int) n`,
      [tenant, letterCount, age],
    );
  const check = async (tenant: TenantId) => {
    const deps = { cell: "shared-1", pool, catalog: catalog.service, limits: LIMITS };
    const { load, changes } = await checkDeadLetters(deps);
    const own = (one: { readonly tenant: string }) => one.tenant === tenant;
    return { load: load.find(own), changes: changes.filter(own).map(({ change }) => change) };
  };
  const events = async (tenant: TenantId) =>
    (
      await catalog.service.query<{ kind: string }>(
        "select kind from system_event where about_tenant = $1 order by sequence",
        [tenant],
      )
    ).rows.map(({ kind }) => kind);

  it("is raised once, whoever looks and however many come, and clears when few do", async () => {
    const tenant = await newTenant();
    await letters(tenant, 19);
    expect(await check(tenant)).to.deep.equal({
      load: { tenant, recentCount: 19, openCount: 19 },
      changes: [],
    });
    await letters(tenant, 1);
    const both = await Promise.all([check(tenant), check(tenant)]);
    expect(both.flatMap(({ changes }) => changes)).to.deep.equal(["raised"]);
    await letters(tenant, 500);
    expect((await check(tenant)).changes).to.deep.equal([]);

    await sql("update millwright.dead_letter set kept_at = now() - interval '1 hour' where tenant = $1", [
      tenant,
    ]);
    await letters(tenant, 2); // a tenth of the limit: the next one might be the flood again
    expect((await check(tenant)).changes).to.deep.equal([]);
    await sql("update millwright.dead_letter set kept_at = now() - interval '1 hour' where tenant = $1", [
      tenant,
    ]);
    expect((await check(tenant)).changes).to.deep.equal(["cleared"]);
    expect(await events(tenant)).to.deep.equal(["dead-letters.growing", "dead-letters.cleared"]);
    await letters(tenant, 20);
    expect((await check(tenant)).changes).to.deep.equal(["raised"]);
  });

  it("does not ring for old letters, nor for those of a shadow", async () => {
    const [old, shadow] = [await newTenant(), await newTenant()];
    await letters(old, 100, "6 minutes");
    await letters(shadow, 100);
    await sql("update millwright.fence set role = 'shadow' where tenant = $1", [shadow]);
    expect(await check(old)).to.deep.equal({
      load: { tenant: old, recentCount: 0, openCount: 100 },
      changes: [],
    });
    expect(await check(shadow)).to.deep.equal({ load: undefined, changes: [] });
  });

  it("leaves a tenant alone that the catalog has deleted", async () => {
    const tenant = await testTenant(secret, "growth-deleted");
    await letters(tenant, 100);
    expect((await check(tenant)).changes).to.deep.equal([]);
    expect(await events(tenant)).to.deep.equal([]);
  });
});
