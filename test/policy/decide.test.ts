import { unknownCheckingProxy } from "@pulumi/policy";
import { expect } from "chai";
import { decide } from "../../policy/decide.ts";
import { dedicatedTenantLimit } from "../../policy/rules/dedicated-tenant-limit.ts";
import { noPublicExposure } from "../../policy/rules/no-public-exposure.ts";
import { requiredTags } from "../../policy/rules/required-tags.ts";
import type { PlannedResource } from "../../policy/rules/rule.ts";
import { UNKNOWN_VALUE } from "../../providers/properties.ts";

/** Properties as the pack sees them in a preview. */
function planned(type: string, props: PlannedResource["props"]): PlannedResource {
  const proxied = unknownCheckingProxy as unknown as (given: typeof props) => typeof props; // untyped upstream
  return { type, props: proxied(props) };
}

describe("decide", () => {
  it("refuses where a value that decides is not known yet", () => {
    const tier = { dedicatedTenantCount: UNKNOWN_VALUE, maxDedicatedTenants: 1 };
    expect(
      decide(dedicatedTenantLimit.violations, planned("millwright:tiers:DedicatedTier", tier)),
    ).to.have.length(1);

    const tags = { tags: { tenant: UNKNOWN_VALUE, environment: "e", costCenter: "c" } };
    expect(decide(requiredTags.violations, planned("aws:rds/instance:Instance", tags))).to.have.length(1);

    const ingress = { ingress: [{ cidrBlocks: [UNKNOWN_VALUE] }] };
    expect(
      decide(noPublicExposure.violations, planned("aws:ec2/securityGroup:SecurityGroup", ingress)),
    ).to.have.length(1);
  });

  it("does not mind what is unknown and decides nothing", () => {
    const tier = { dedicatedTenantCount: 1, maxDedicatedTenants: 1, folder: UNKNOWN_VALUE };
    expect(
      decide(dedicatedTenantLimit.violations, planned("millwright:tiers:DedicatedTier", tier)),
    ).to.deep.equal([]);
  });

  it("lets an error of the rule itself through: a gate that breaks must not open", () => {
    const broken = () => JSON.parse("{") as string[];
    expect(() => decide(broken, planned("any", {}))).to.throw(SyntaxError);
  });
});
