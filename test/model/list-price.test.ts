import { expect } from "chai";
import { listPriceUsdPerMonth } from "../../model/list-price.ts";
import { DEFAULT_TRIGGERS } from "../../model/trigger-config.ts";

describe("the list price of a tenant's database", () => {
  const sizes = { tenantCapacity: 200, dedicatedUsdPerMonth: 650 };

  it("is a part of a shared one, and the whole of a dedicated one as triggers hold it against budgets", () => {
    expect(listPriceUsdPerMonth("shared", sizes)).to.equal(6);
    expect(listPriceUsdPerMonth("shared", { ...sizes, tenantCapacity: 7 })).to.equal(171.43);
    expect(listPriceUsdPerMonth("dedicated", sizes)).to.equal(650);
    expect(DEFAULT_TRIGGERS.dedicatedUsdPerMonth).to.equal(500);
  });
});
