import { expect } from "chai";
import * as pulumi from "@pulumi/pulumi";
import { readTenantConfig } from "../../../stacks/config/tenant-config.ts";
import { valueOf } from "../../support/outputs.ts";

const shared = { cell: "shared-1", tier: "shared", isProtected: true };
const own = { cell: "dedicated-acme", tier: "dedicated", isProtected: false };

describe("readTenantConfig", () => {
  const read = (homes: readonly object[]) => {
    const project = pulumi.getProject(); // whatever the tests before have called it
    pulumi.runtime.setAllConfig({
      [`${project}:environment`]: "development",
      [`${project}:tenant`]: JSON.stringify({ id: "acme", topics: [], homes }),
      [`${project}:cellUrl-dedicated-acme`]: "postgres://boss:s@db.example",
    });
    return readTenantConfig().tenant.homes;
  };

  it("gives each home the server of its own cell, as a secret", async () => {
    const [first, second] = read([shared, own]);
    expect(first).to.deep.equal({ ...shared, url: undefined });
    expect(await valueOf(second!.url!)).to.equal("postgres://boss:s@db.example");
    expect(await pulumi.isSecret(second!.url!)).to.equal(true);
  });

  it("refuses a tenant without a home, with three, and with the same one twice", () => {
    for (const homes of [[], [shared, own, { ...own, cell: "dedicated2-acme" }], [own, own]])
      expect(() => read(homes)).to.throw(pulumi.RunError, "tenant.homes");
  });
});
