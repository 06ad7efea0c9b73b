import { expect } from "chai";
import { quotaFault } from "../../../model/aws/quota.ts";

const use = {
  ...{ what: "VPCs", quotaCode: "L-F678F1CE", quota: 5, key: "aws.region" },
  ...{ existingCount: 4, ownCount: 0, neededCount: 1 },
};

describe("quotaFault", () => {
  it("lets the last one in, and refuses the next with what to raise", () => {
    expect(quotaFault(use, "us-east-1")).to.equal(undefined);
    expect(quotaFault({ ...use, existingCount: 5 }, "us-east-1")).to.match(
      /^aws\.region: us-east-1 has 5 other VPCs, and 1 more would be over the quota of 5\. Raise L-F678F1CE/,
    );
  });

  it("does not count what the stack has made itself a second time", () => {
    expect(quotaFault({ ...use, existingCount: 5, ownCount: 1 }, "us-east-1")).to.equal(undefined);
  });
});
