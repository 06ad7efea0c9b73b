import { expect } from "chai";
import { environmentCostWith } from "../../../automation/cost/environment.ts";
import { LOCAL_PLACE } from "../../../automation/cost/quote-basis.ts";
import { findTenant, type NewTenant } from "../../../data/catalog/tenant.ts";
import { usdOf } from "../../../model/cost/money.ts";
import { MillwrightError } from "../../../model/errors.ts";
import { tenantId } from "../../../model/tenant.ts";
import {
  alice,
  ended,
  newTenant,
  runOperations,
  testOperationPlace,
  type OperationPlace,
  type TestOperations,
} from "../../support/operations.ts";

const request = { actor: alice };
const acme = tenantId.parse("acme");

describe("the environment's budget", () => {
  let place: OperationPlace;
  let running: TestOperations | undefined;

  beforeEach(async () => {
    place = await testOperationPlace();
  });
  afterEach(() => stop());

  async function stop(): Promise<void> {
    await running?.close();
    running = undefined;
  }
  /** The service, started anew. */
  async function serve(environmentBudgetUsd = 50_000): Promise<TestOperations> {
    await stop();
    running = await runOperations(place, { environmentBudgetUsd });
    return running;
  }
  /** What stands costs, with such a tenant more. */
  async function usdWith(
    { catalog }: TestOperations,
    wanted: { readonly machines: number; readonly ownDatabases?: number } | undefined,
    id = "more",
  ): Promise<number> {
    const asked = wanted && { id, ownDatabases: 0, ...wanted };
    const { platform, tenants } = await environmentCostWith(catalog.service, LOCAL_PLACE, Date.now(), asked);
    return usdOf(platform + tenants);
  }
  const create = async (operations: TestOperations, tenant: NewTenant) => {
    const end = await ended(operations, await operations.service.startCreate(tenant, request));
    expect(end.error).to.equal(null);
  };
  const refusalOf = async (work: Promise<unknown>) => {
    const error = await work.then(
      () => undefined,
      (reason: unknown) => reason as MillwrightError,
    );
    return (
      error && { code: error.code, pointers: error.fields.map(({ pointer }) => pointer), text: error.message }
    );
  };

  it("ends a burst of creates, of which each alone has room, before any of them stands", async () => {
    const { service, catalog } = await serve();
    const accepted: string[] = [];
    for (let index = 0; index < 10; index++) {
      const tenant = newTenant(`burst-${index}`, { machines: 50_000 });
      const foreseen = await service.violations(tenant);
      const refusal = await refusalOf(service.startCreate(tenant, request));
      if (refusal === undefined) accepted.push(tenant.id);
      else {
        expect([refusal.code, refusal.pointers]).to.deep.equal(["policy-refused", ["/machines"]]);
        expect(refusal.text).to.match(
          /would cost [5-9]\d,\d{3}\.\d\d USD a month, .* budget of 50,000\.00: /,
        );
        expect(await findTenant(catalog.service, tenant.id)).to.equal(undefined);
      }
      expect(foreseen, "what a dry run said").to.have.length(refusal === undefined ? 0 : 1);
      for (const violation of foreseen)
        expect(violation).to.deep.equal({
          policy: "environment-budget",
          resource: "tenant",
          message: refusal?.text,
        });
    }
    expect(accepted).to.deep.equal(["burst-0", "burst-1"]);
  });

  it("lets in no more of many creates at once than it has room for", async () => {
    const look = await serve();
    const [none, one] = [await usdWith(look, undefined), await usdWith(look, { machines: 10_000 })];
    const budget = none + 2.5 * (one - none);
    const { service } = await serve(budget);
    const results = await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        refusalOf(service.startCreate(newTenant(`at-once-${index}`, { machines: 10_000 }), request)),
      ),
    );
    const codes = results.map((refusal) => refusal?.code ?? "accepted").toSorted();
    expect(codes).to.deep.equal([
      "accepted",
      "accepted",
      ...Array.from({ length: 6 }, () => "policy-refused"),
    ]);
  });

  it("holds more machines, and counts those of an update that has only been accepted", async () => {
    const operations = await serve();
    const { service } = operations;
    await create(operations, newTenant("acme"));
    const tooMany = await refusalOf(service.startUpdate(acme, { machines: 1_000_000 }, request));
    expect([tooMany?.code, tooMany?.pointers]).to.deep.equal(["policy-refused", ["/machines"]]);

    for (const id of ["one", "two", "three"]) await create(operations, newTenant(id));
    const grown = await Promise.all(
      ["one", "two", "three"].map((id) =>
        refusalOf(service.startUpdate(tenantId.parse(id), { machines: 75_000 }, request)),
      ),
    );
    expect(grown.filter((refusal) => refusal === undefined)).to.have.length(1);
    const late = await refusalOf(service.startCreate(newTenant("late", { machines: 100_000 }), request));
    expect(late?.code).to.equal("policy-refused");
  });

  it("lets nobody grow in an environment that is over it, but shrink, and change all else", async () => {
    await create(await serve(), newTenant("acme", { machines: 400 }));
    const { service } = await serve(100);
    expect((await refusalOf(service.startUpdate(acme, { machines: 401 }, request)))?.code).to.equal(
      "policy-refused",
    );
    expect(await refusalOf(service.startUpdate(acme, { machines: 399, name: "Acme" }, request))).to.equal(
      undefined,
    );
  });

  it("holds a move to a database of the tenant's own, and none that makes room", async () => {
    const first = await serve();
    await create(first, newTenant("acme"));
    const enough = await usdWith(first, { machines: 15, ownDatabases: 1 }, "acme");
    const poorer = await serve(enough - 0.01);
    const refused = await refusalOf(poorer.service.startMove(acme, { tier: "dedicated" }, request));
    expect([refused?.code, refused?.pointers]).to.deep.equal(["move-refused", ["/environment-budget"]]);
    const richer = await serve(enough);
    const moved = richer.service.startMove(acme, { tier: "dedicated" }, request);
    expect(await refusalOf(moved)).to.equal(undefined);
    expect(await usdWith(richer, undefined), "counts from its acceptance on").to.be.closeTo(enough, 0.01);
  });

  it("lets a tenant out of a database of its own when the environment is over it", async () => {
    await create(await serve(), newTenant("acme", { tier: "dedicated" }));
    const { service } = await serve(100);
    expect(await refusalOf(service.startMove(acme, { tier: "shared" }, request))).to.equal(undefined);
  });
});
