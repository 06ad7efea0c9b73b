import { expect } from "chai";
import { tenantLogOf } from "../../model/tenant-log.ts";
import { tenantId } from "../../model/tenant.ts";

describe("tenantLogOf", () => {
  const made = { topic: "customer-123.readings.g3", stream: "readings" as const, partitions: 2 };
  const { topics, acl } = tenantLogOf(tenantId.parse("customer-123"), [made]);

  it("says what the tenant's topics are made with", () => {
    expect(topics).to.deep.equal([{ ...made, retentionMs: 604_800_000 }]);
  });

  it("says the names that ACLs let in no neighbour by", () => {
    const { principal, ...prefixes } = acl;
    expect(principal).to.equal("User:customer-123");
    expect(made.topic.startsWith(prefixes.writePrefix)).to.equal(true);
    for (const prefix of Object.values(prefixes).flat()) {
      expect(prefix.startsWith("customer-123.")).to.equal(true);
      expect("customer-1234.readings.g1".startsWith(prefix)).to.equal(false);
    }
  });
});
