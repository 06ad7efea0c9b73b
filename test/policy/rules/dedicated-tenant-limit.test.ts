import { expect } from "chai";
import { dedicatedTenantLimit } from "../../../policy/rules/dedicated-tenant-limit.ts";

const check = (props: Record<string, unknown>) =>
  dedicatedTenantLimit.violations({ type: "millwright:tiers:DedicatedTier", props });

describe("dedicatedTenantLimit", () => {
  it("allows up to the limit and not one more", () => {
    expect(check({ dedicatedTenantCount: 2, maxDedicatedTenants: 2 })).to.deep.equal([]);
    expect(check({ dedicatedTenantCount: 3, maxDedicatedTenants: 2 })).to.deep.equal([
      "This would be 3 dedicated tenants; the limit is 2.",
    ]);
  });

  for (const wrong of [undefined, null, "1", -1, Number.NaN, 1.5]) {
    it(`refuses when the count or the limit is ${JSON.stringify(wrong)}`, () => {
      expect(check({ dedicatedTenantCount: wrong, maxDedicatedTenants: 1 })).to.have.length(1);
      expect(check({ dedicatedTenantCount: 1, maxDedicatedTenants: wrong })).to.have.length(1);
    });
  }

  it("leaves shared tenants alone", () => {
    expect(dedicatedTenantLimit.violations({ type: "millwright:tiers:Tenant", props: {} })).to.deep.equal([]);
  });
});
