import { expect } from "chai";
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { checkTenantStack, type DriftDeps } from "../../../automation/drift/check-drift.ts";
import { addOperation } from "../../../data/catalog/operation.ts";
import { takeOwnership } from "../../../data/catalog/ownership.ts";
import { driftOf, listDrift, tenantsToCheck } from "../../../data/catalog/stack-drift.ts";
import { listSystemEvents } from "../../../data/catalog/system-event.ts";
import { cellSecret, type CellSecret } from "../../../data/cell/cell-secret.ts";
import { MillwrightError } from "../../../model/errors.ts";
import { OPERATION_STEPS } from "../../../model/operation.ts";
import { tenantId } from "../../../model/tenant.ts";
import { testCatalog, type TestCatalog } from "../../support/catalog.ts";
import { eventually } from "../../support/eventually.ts";
import { placeTestTenant, registerTestCells } from "../../support/flip-tenant.ts";
import { isUnchanged, localStacks, runAs, type LocalStacks } from "../../support/local-stacks.ts";

const ACME = tenantId.parse("acme");

describe("the look at a tenant's stack, by the real engine", function () {
  this.timeout(120_000);
  let test: TestCatalog;
  let stacks: LocalStacks;
  let shared: CellSecret;
  let deps: DriftDeps;
  const signal = new AbortController().signal;

  before(async function () {
    this.timeout(900_000); // the engine may have to be built first
    test = await testCatalog();
    stacks = await localStacks();
    const { service } = test.catalog;
    deps = { service, engine: stacks.engine };
    await stacks.session("platform-development", stacks.platformConfig(), async (session) => {
      await session.up();
      shared = cellSecret.parse(((await session.outputs())["cells"] as Record<string, unknown>)["shared-1"]);
    });
    await stacks.session("tenant-acme", stacks.tenantConfig("acme", [{ cell: "shared-1" }]), (session) =>
      session.up(),
    );
    await registerTestCells(test.catalog, ["shared-1"]);
    await placeTestTenant(test.catalog, ACME, "shared-1");
    await service.query("update tenant set state = 'ready'");
    await service.query("update tenant_placement set has_stack = true");
    // Of owners before the looks: the tokens of the sessions above.
    await service.query("select nextval('fencing_token') from generate_series(1, 100)");
  });
  after(async () => {
    await stacks.remove();
    await test.catalog.close();
  });

  const asAdmin = (statement: string) => runAs(shared, shared.admin, [statement]);
  const check = () => checkTenantStack(deps, ACME, signal);
  const events = async () =>
    (await listSystemEvents(deps.service, { limit: 10 })).items
      .map(({ event }) => event)
      .filter((kind) => kind.startsWith("stack."));

  const settings = () => readFile(path.join(stacks.layout.project, "Pulumi.tenant-acme.yaml"), "utf8");
  const operation = async (): Promise<string> => {
    const id = randomUUID();
    const facts = {
      kind: "update",
      tenant: ACME,
      requestedBy: "test",
      reason: undefined,
      input: {},
    } as const;
    await addOperation(deps.service, { id, ...facts, steps: OPERATION_STEPS.update });
    return id;
  };
  const end = (id: string) =>
    deps.service.query(
      "update operation set status = 'cancelled', finished_at = now() where operation = $1",
      [id],
    );

  it("finds a stack clean that is as it was made", async () => {
    expect(await driftOf(deps.service, ACME)).to.equal(undefined);
    expect(await check()).to.include({ stack: "tenant-acme", tenant: ACME, status: "clean" });
    expect(await events()).to.deep.equal([]);
  });

  it("names the property that somebody changed by hand, tells of it once, and that it is mended", async () => {
    const before = await settings();
    await asAdmin("alter role tenant_acme_writer connection limit 7");
    await asAdmin("alter role tenant_acme_reader password 'known-to-somebody'");
    await check();
    const found = await check();
    expect(found?.status).to.equal("drifted");
    expect(found?.differences).to.deep.equal([
      {
        urn: "urn:pulumi:tenant-acme::millwright::millwright:tiers:Tenant$postgresql:index/role:Role::acme-shared-1-writer",
        kind: "changed",
        properties: [{ name: "connectionLimit", expected: -1, found: 7 }],
      },
    ]);
    expect(await driftOf(deps.service, ACME)).to.deep.equal(found);
    expect((await listDrift(deps.service, { limit: 10 })).items).to.deep.equal([found]);
    expect(await events()).to.deep.equal(["stack.drifted"]);
    expect(
      await asAdmin("select rolconnlimit from pg_roles where rolname = 'tenant_acme_writer'"),
    ).to.deep.equal([{ rolconnlimit: 7 }]);
    expect(await settings(), "of `npm run pulumi`").to.equal(before);

    await asAdmin("alter role tenant_acme_writer connection limit -1");
    expect((await check())?.status).to.equal("clean");
    expect(await events()).to.deep.equal(["stack.restored", "stack.drifted"]);
  });

  it("leaves a stack alone that an operation has", async () => {
    const before = await driftOf(deps.service, ACME);
    const id = await operation();
    expect(await check()).to.equal(undefined);
    expect(await driftOf(deps.service, ACME)).to.deep.equal(before);
    await end(id);
  });

  it("gives way to an operation that comes in the middle", async () => {
    const before = await driftOf(deps.service, ACME);
    const record = () => readFile(path.join(stacks.layout.records, "tenant-acme.json"), "utf8");
    const recordBefore = await record();
    const checking = check();
    await eventually("the look has the stack", async () => (await record()) !== recordBefore);
    const id = await operation();
    const owned = await takeOwnership(deps.service, id, "test");
    const config = stacks.tenantConfig("acme", [{ cell: "shared-1" }]);
    const session = await stacks.engine.open({
      ...{ stack: "tenant-acme", config, fencingToken: owned!.fencingToken },
    });
    expect(await checking).to.equal(undefined);
    expect(isUnchanged(await session.preview())).to.equal(true);
    await session.close();
    expect(await driftOf(deps.service, ACME)).to.deep.equal(before);
    await end(id);
  });

  it("keeps what it knew when a look fails, and says by what", async () => {
    const failing = { open: () => Promise.reject(new MillwrightError("stack-locked", "locked")) };
    const found = await checkTenantStack({ ...deps, engine: failing }, ACME, signal);
    expect(found).to.include({ status: "failed", error: "stack-locked" });
    expect(await tenantsToCheck(deps.service)).to.deep.equal([ACME]);
  });

  it("says what is gone", async () => {
    await asAdmin("drop schema tenant_acme cascade");
    const found = await check();
    const gone = found?.differences
      .filter(({ kind }) => kind === "gone")
      .map(({ urn }) => urn.split("::").at(-1));
    expect(gone).to.deep.equal(["acme-shared-1"]);
  });
});
