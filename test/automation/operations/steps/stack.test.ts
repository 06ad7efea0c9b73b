import { expect } from "chai";
import type { StackConfig, StackSession } from "../../../../automation/engine/engine.ts";
import { StackSessions } from "../../../../automation/operations/stack-sessions.ts";
import {
  homesOf,
  placedTenant,
  tenantSession,
  type StackHome,
} from "../../../../automation/operations/steps/stack.ts";
import type { OperationRun } from "../../../../automation/operations/steps/step.ts";
import { claimDedicatedCell, registerCell, type CellSite } from "../../../../data/catalog/cell.ts";
import { inTransaction } from "../../../../data/pool.ts";
import { makePlacementStable, placeTenant } from "../../../../data/catalog/placement.ts";
import { addShadow } from "../../../../data/catalog/shadow.ts";
import { addTenant } from "../../../../data/catalog/tenant.ts";
import { tenantId } from "../../../../model/tenant.ts";
import { testCatalog, type TestCatalog } from "../../../support/catalog.ts";
import { newTenant } from "../../../support/operations.ts";

const URL = "postgres://boss:s@db.example:6432/empty";
const acme = tenantId.parse("acme");

describe("the stack of a tenant as operations ask for it", () => {
  let test: TestCatalog;
  let run: OperationRun;
  let config: StackConfig = {};

  before(async () => {
    test = await testCatalog();
    const { service } = test.catalog;
    await registerCell(service, { name: "shared-1", tier: "shared", tenantCapacity: 100 });
    await addTenant(service, newTenant("acme"));
    await inTransaction(service, async (tx) => {
      await placeTenant(tx, { id: acme, topic: "own" }, "shared-1");
      await claimDedicatedCell(tx, "dedicated-acme", ["db.example:6432/empty"]);
    });
    const open = (request: { readonly config: StackConfig }) => {
      ({ config } = request);
      return Promise.resolve({ close: () => Promise.resolve() } as StackSession);
    };
    const deps = { catalog: test.catalog, maxDedicatedTenants: 0, dedicatedCellUrls: [URL] };
    const owned = { operation: "o", tenant: acme, fencingToken: 1n };
    run = { owned, deps, sessions: new StackSessions({ open }) } as unknown as OperationRun;
  });
  after(() => test.catalog.close());

  const configOf = async (...homes: readonly StackHome[]) => {
    await tenantSession(run, await placedTenant(run), homes);
    return config;
  };
  const sharedSite: CellSite = { cell: "shared-1", tier: "shared", server: undefined };
  const ownSite: CellSite = { cell: "dedicated-acme", tier: "dedicated", server: "db.example:6432/empty" };
  const shared = { ...sharedSite, isProtected: true };
  const own = { ...ownSite, isProtected: true };
  const isRefused = (given: StackConfig) =>
    Number(given["millwright:dedicatedTenantCount"]) > Number(given["millwright:maxDedicatedTenants"]);

  it("finds the tenant in its home first, and then in the cells that follow its log", async () => {
    const homes = async () => homesOf(run, (await placedTenant(run)).placement);
    expect(await homes()).to.deep.equal([sharedSite]);
    await addShadow(test.catalog.service, { tenant: acme, cell: own.cell, epoch: 1n });
    expect(await homes(), "though its name comes first").to.deep.equal([sharedSite, ownSite]);
  });

  it("names each home, and the URL of an external server as a secret of its cell", async () => {
    const { "millwright:tenant": tenant, ...rest } = await configOf(shared, { ...own, isProtected: false });
    const { homes } = JSON.parse(tenant as string) as { homes: unknown };
    expect(homes).to.deep.equal([
      { cell: "shared-1", tier: "shared", isProtected: true },
      { cell: "dedicated-acme", tier: "dedicated", isProtected: false },
    ]);
    expect(rest["millwright:cellUrl-dedicated-acme"]).to.deep.equal({ secret: URL });
    expect(await configOf(shared)).to.have.all.keys(
      ...["home", "environment", "tenant"].map((key) => `millwright:${key}`),
    );
  });

  it("lets the limit of dedicated tenants refuse who becomes one, and keep nobody from moving or leaving", async () => {
    expect(isRefused(await configOf(own)), "a create").to.equal(true);
    await inTransaction(test.catalog.service, (tx) => makePlacementStable(tx, acme));
    expect(isRefused(await configOf(shared, own)), "a move to a cell of its own").to.equal(true);
    expect(isRefused(await configOf(shared, { ...own, isProtected: false })), "its end").to.equal(false);
    expect(isRefused(await configOf(own, shared)), "a move to a shared cell").to.equal(false);
    expect(isRefused(await configOf(own, { ...own, cell: "dedicated-2-acme" })), "another").to.equal(false);
    expect(isRefused(await configOf({ ...own, isProtected: false })), "a delete").to.equal(false);
  });
});
