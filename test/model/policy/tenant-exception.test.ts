import { expect } from "chai";
import { exceptionsFor, tenantException } from "../../../model/policy/tenant-exception.ts";

describe("exceptions for tenants", () => {
  const told = {
    ...{ policy: "volume-sizes", owner: "ops@example.com" },
    ...{ reason: "a year is imported", until: "2026-12-01" },
  };
  const of = (tenants: string, resource = "dedicated-*-a-data") =>
    tenantException.parse({ ...told, tenants, resource });

  it("are for one, for some by their names, or for all, and name the tenant's own resource", () => {
    const exceptions = [of("acme"), of("*", "stack"), of("ac-*"), of("*me")];
    expect(exceptionsFor("acme", exceptions)).to.deep.equal([
      { ...told, resource: "dedicated-acme-a-data" },
      { ...told, resource: "stack" },
      { ...told, resource: "dedicated-acme-a-data" },
    ]);
    expect(exceptionsFor("acme-2", exceptions).map(({ resource }) => resource)).to.deep.equal(["stack"]);
  });

  it("are for nobody where they say nobody, or no name", () => {
    for (const tenants of ["", "ac.e", "a|b", "ACME"]) expect(() => of(tenants), tenants).to.throw();
  });
});
