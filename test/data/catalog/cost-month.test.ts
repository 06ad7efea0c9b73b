import { expect } from "chai";
import type pg from "pg";
import { closedBills, closedMonth, closeMonth, verifyMonth } from "../../../data/catalog/cost-month.ts";
import { ATTRIBUTION_RULES } from "../../../model/cost/attribution-rules.ts";
import { tenancyKey, type OwedLine } from "../../../model/cost/bill.ts";
import type { BillInputs } from "../../../model/cost/month-bill.ts";
import { monthNamed, type Month } from "../../../model/cost/month.ts";
import { testCatalog, type TestCatalog } from "../../support/catalog.ts";

const october = monthNamed("2026-10") as Month;
const book = { region: "us-east-1", date: "2026-11-20" };
const use = (readings: number) => ({
  ...{ readings, logBytes: 7 * readings, queries: 11, queryMs: 500, storageBytes: 3 * readings },
  ...{ notifications: 2, archiveBytes: 0 },
});
const acme = { tenant: "acme", since: "2026-09-01T00:00:00.000Z" };
const globex = { tenant: "globex", since: "2026-10-16T00:00:00.000Z" };
const server: OwedLine = {
  ...{ component: "time-series", price: "ec2/instance/r6g.2xlarge", of: "Instance shared-1-a", unit: "hour" },
  ...{ owner: null, quantity: 372, amount: 149_988_822 },
};

/** As they were kept before lines that are alike were one, and before places were written down. */
const former: BillInputs = {
  ...{ rules: ATTRIBUTION_RULES, plan: { places: 100, machinesPerPlace: 15 }, hours: 744 },
  lines: [
    server,
    { ...server, amount: 152_988_599 },
    { ...server, of: "Instance shared cell 2-a", amount: 152_988_599 },
    {
      ...{ component: "security", price: "secrets-manager/secrets", of: "Secret acme-reader" },
      ...{ unit: "secret-month", quantity: 1, amount: 400_000, owner: tenancyKey(acme) },
    },
    {
      ...{ component: "functions", price: "lambda/requests", of: "use", unit: "request", owner: null },
      ...{ quantity: 9_000_000, amount: 1_800_000 },
      taken: { [tenancyKey(acme)]: 6_000_000, [tenancyKey(globex)]: 3_000_000 },
    },
  ],
  tenancies: [
    { ...acme, hours: 744, sharedPart: 1, use: use(6_000_000) },
    { ...globex, hours: 384, sharedPart: 0.25, use: use(3_000_000) },
  ],
};

describe("a closed month", () => {
  let test: TestCatalog;
  let service: pg.Pool;
  beforeEach(async () => {
    test = await testCatalog();
    service = test.catalog.service;
  });
  afterEach(() => test.catalog.close());

  it("is still what it was closed as, when it was closed by what was kept formerly", async () => {
    await closeMonth(service, october, book, former);
    // Of the bills as they were made then.
    const sha256 = "4a0dcf3d463e6e706a2d41b2ff114fa25b9df4075330f7734e0ff1f228286d1c";
    expect(await verifyMonth(service, october.name)).to.deep.equal({
      ...{ kept: sha256, recomputed: sha256, stored: sha256 },
    });
  });

  it("has all bills of very many tenants", async () => {
    const tenancies = Array.from({ length: 450 }, (_, index) => ({
      ...{ ...acme, tenant: `tenant-${String(index).padStart(3, "0")}` },
      ...{ hours: 744, sharedPart: 1, use: use(1) },
    }));
    expect(
      await closeMonth(service, october, book, { ...former, lines: [{ ...server, amount: 1e9 }], tenancies }),
    ).to.equal(true);
    const bills = await closedBills(service, october.name);
    expect(bills.map(({ tenant }) => tenant)).to.deep.equal(tenancies.map(({ tenant }) => tenant));
    const { total, unattributed } = (await closedMonth(service, october.name))!;
    expect(bills.reduce((sum, bill) => sum + bill.total, unattributed)).to.equal(total);
  });

  it("has all of its bills or is not closed", async () => {
    const tenancies = Array.from({ length: 201 }, (_, index) => ({
      // The last one's bill cannot be kept.
      ...{
        tenant: `tenant-${String(index).padStart(3, "0")}`,
        since: index === 200 ? "no time" : acme.since,
      },
      ...{ hours: 744, sharedPart: 1, use: use(1) },
    }));
    const failed = await closeMonth(service, october, book, { ...former, lines: [], tenancies }).then(
      () => false,
      () => true,
    );
    expect([failed, await closedMonth(service, october.name)]).to.deep.equal([true, undefined]);
    expect(await closedBills(service, october.name)).to.deep.equal([]);
  });
});
