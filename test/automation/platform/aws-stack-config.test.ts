import { expect } from "chai";
import { environmentCostWith } from "../../../automation/cost/environment.ts";
import { awsStackConfig } from "../../../automation/platform/aws-platform.ts";
import type { Catalog } from "../../../data/catalog/catalog.ts";
import { registerCell } from "../../../data/catalog/cell.ts";
import { addTenant, getTenant } from "../../../data/catalog/tenant.ts";
import { usdOf } from "../../../model/cost/money.ts";
import type { TenantException } from "../../../model/policy/tenant-exception.ts";
import { tenantId } from "../../../model/tenant.ts";
import { testCatalog } from "../../support/catalog.ts";
import { newTenant } from "../../support/operations.ts";

const acme = tenantId.parse("acme");
const PLACE = { region: "us-east-1", preset: "production", entrance: "iot" } as const;

describe("what the stack of a tenant on AWS is told", () => {
  let catalog: Catalog;
  const said = {
    ...{ policy: "volume-sizes", owner: "ops@example.com" },
    ...{ reason: "a year of readings is imported at once", until: "2026-12-31" },
  };
  const exception: TenantException = { ...said, resource: "dedicated-*-a-data", tenants: "ac*" };
  const config = async (adds: "tenant" | "nothing", tenantExceptions: readonly TenantException[] = []) => {
    const machines = { endpoint: "iot.us-east-1.amazonaws.com", entrance: PLACE.entrance };
    const aws = {
      environment: "production",
      region: PLACE.region,
      stackConfig: {},
      machines,
      tenantExceptions,
    };
    const tenant = await getTenant(catalog.service, acme);
    const told = await awsStackConfig(catalog.service, aws, tenant, { isStaying: true, adds });
    return (key: string): unknown => JSON.parse(told[`millwright:${key}`] as string);
  };

  before(async () => {
    ({ catalog } = await testCatalog());
    await registerCell(catalog.service, { name: "shared-1", tier: "shared", tenantCapacity: 100 });
    await addTenant(catalog.service, newTenant("acme"));
  });
  after(() => catalog.close());

  it("is what all others cost in steady state, also those that have just been accepted", async () => {
    const elsewhere = async () =>
      ((await config("tenant"))("cost") as { elsewhereUsdPerMonth: number }).elsewhereUsdPerMonth;
    const { platform } = await environmentCostWith(catalog.service, PLACE, Date.now());
    expect(await elsewhere()).to.equal(usdOf(platform));
    for (let index = 0; index < 10; index++)
      await addTenant(catalog.service, newTenant(`other-${index}`, { machines: 100_000 }));
    expect(await elsewhere(), "as the steady state was computed by hand").to.be.above(221_000);
  });

  it("is to hold the tenant's budget by what adds a tenant, and not by what adds nothing", async () => {
    expect((await config("tenant"))("cost")).to.include({ holdsBudget: true });
    expect((await config("nothing"))("cost")).to.include({ holdsBudget: false, elsewhereUsdPerMonth: 0 });
  });

  it("are its exceptions, under the names of its own resources, and none of others", async () => {
    const others = { ...exception, tenants: "globex" };
    const told = await config("nothing", [exception, others]);
    expect(told("policyExceptions")).to.deep.equal([{ ...said, resource: "dedicated-acme-a-data" }]);
    expect((await config("nothing"))("policyExceptions")).to.deep.equal([]);
  });
});
