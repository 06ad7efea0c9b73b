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
import { addTenant } from "../../../../data/catalog/tenant.ts";
import type { OperationKind } from "../../../../model/operation.ts";
import { tenantId } from "../../../../model/tenant.ts";
import { testCatalog, type TestCatalog } from "../../../support/catalog.ts";
import { addMoveTo, newTenant } from "../../../support/operations.ts";

const URL = "postgres://boss:s@db.example:6432/empty";
const acme = tenantId.parse("acme");

describe("the stack of a tenant as operations ask for it", () => {
  let test: TestCatalog;
  let runOf: (kind: OperationKind) => OperationRun;
  let config: StackConfig = {};

  before(async () => {
    test = await testCatalog();
    const { service } = test.catalog;
    await registerCell(service, { name: "shared-1", tier: "shared", tenantCapacity: 100 });
    await addTenant(service, newTenant("acme"));
    await addTenant(service, newTenant("other", { tier: "dedicated" })); // as many as are allowed
    await inTransaction(service, async (tx) => {
      await placeTenant(tx, { id: acme, topic: "own" }, "shared-1");
      await claimDedicatedCell(tx, "dedicated-acme", ["db.example:6432/empty"]);
    });
    const open = (request: { readonly config: StackConfig }) => {
      ({ config } = request);
      return Promise.resolve({ close: () => Promise.resolve() } as StackSession);
    };
    const deps = { catalog: test.catalog, dedicatedCellUrls: [URL] };
    runOf = (kind) => {
      const owned = { kind, operation: "o", tenant: acme, fencingToken: 1n };
      return { owned, deps, sessions: new StackSessions({ open }) } as unknown as OperationRun;
    };
  });
  after(() => test.catalog.close());

  const configOf = async (kind: OperationKind, ...homes: readonly StackHome[]) => {
    const run = runOf(kind);
    await tenantSession(run, await placedTenant(run), homes);
    return config;
  };
  const sharedSite: CellSite = { cell: "shared-1", tier: "shared", server: undefined };
  const ownSite: CellSite = { cell: "dedicated-acme", tier: "dedicated", server: "db.example:6432/empty" };
  const shared = { ...sharedSite, isProtected: true };
  const own = { ...ownSite, isProtected: true };
  const leaving = (home: StackHome) => ({ ...home, isProtected: false });

  it("finds the tenant in its home first, and then in the other cell of its move", async () => {
    const run = runOf("move");
    const homes = async () => homesOf(run, (await placedTenant(run)).placement);
    expect(await homes()).to.deep.equal([sharedSite]);
    await addMoveTo(test.catalog.service, acme, own.cell);
    expect(await homes(), "though its name comes first").to.deep.equal([sharedSite, ownSite]);
  });

  it("names each home, and the URL of an external server as a secret of its cell", async () => {
    const { "millwright:tenant": tenant, ...rest } = await configOf("move", shared, leaving(own));
    const { homes } = JSON.parse(tenant as string) as { homes: unknown };
    expect(homes).to.deep.equal([
      { cell: "shared-1", tier: "shared", isProtected: true },
      { cell: "dedicated-acme", tier: "dedicated", isProtected: false },
    ]);
    expect(rest["millwright:cellUrl-dedicated-acme"]).to.deep.equal({ secret: URL });
    expect(await configOf("move", shared)).to.have.all.keys(
      ...["home", "environment", "tenant"].map((key) => `millwright:${key}`),
    );
  });

  it("lets the limit of dedicated tenants refuse who becomes one, and keep nobody from moving or leaving", async () => {
    const isRefused = async (kind: OperationKind, ...homes: readonly StackHome[]) => {
      const given = await configOf(kind, ...homes);
      return (
        Number(given["millwright:dedicatedTenantCount"]) > Number(given["millwright:maxDedicatedTenants"])
      );
    };
    expect(await isRefused("create", own)).to.equal(true);
    expect(await isRefused("create", leaving(own)), "a create that was cancelled").to.equal(false);
    await inTransaction(test.catalog.service, (tx) => makePlacementStable(tx, acme));
    expect(await isRefused("move", shared, leaving(own)), "the target of a move").to.equal(true);
    expect(await isRefused("finish-move", shared, leaving(own)), "what a move has left").to.equal(false);
    expect(await isRefused("move", own, leaving(shared))).to.equal(false);
    expect(await isRefused("move", own, leaving({ ...own, cell: "dedicated2-acme" }))).to.equal(false);
    expect(await isRefused("delete", leaving(own))).to.equal(false);
    expect(await isRefused("delete", leaving(shared), leaving(own))).to.equal(false);
  });
});
