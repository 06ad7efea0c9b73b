import { expect } from "chai";
import { requiredTags, UNTAGGABLE } from "../../../policy/rules/required-tags.ts";
import { sdkType } from "../../support/aws-plugin/sdk-types.ts";

const complete = { tenant: "acme", environment: "production", costCenter: "platform" };
const check = (type: string, tags?: unknown) => requiredTags.violations({ type, props: { tags } });

describe("requiredTags", () => {
  it("names each tag that is missing or empty", () => {
    expect(check("aws:ec2/instance:Instance", complete)).to.deep.equal([]);
    expect(check("aws:ec2/instance:Instance", { ...complete, tenant: "" })).to.deep.equal([
      "Missing tags: tenant.",
    ]);
    expect(check("aws:ec2/instance:Instance")).to.deep.equal([
      "Missing tags: tenant, environment, costCenter.",
    ]);
  });

  it("refuses an AWS type that it has never seen, and asks nothing of the untaggable and of other clouds", () => {
    expect(check("aws:tomorrow/thing:Thing")).to.have.length(1);
    expect(check("aws:iam/rolePolicyAttachment:RolePolicyAttachment")).to.deep.equal([]);
    expect(check("millwright:index:Cell")).to.deep.equal([]);
  });

  it("lets off no type that takes tags, as the SDK of AWS says", () => {
    for (const type of UNTAGGABLE) {
      const known = sdkType(type);
      expect(known, type).not.to.equal(undefined);
      expect(known?.inputs.has("tags"), type).to.equal(false);
    }
  });
});
