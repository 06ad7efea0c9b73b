import { expect } from "chai";
import * as pulumi from "@pulumi/pulumi";
import { policyFacts } from "../../../model/policy/facts.ts";
import { readAwsConfig } from "../../../stacks/config/aws-config.ts";
import { readPolicyFacts } from "../../../stacks/config/policy-config.ts";

describe("readPolicyFacts", () => {
  const exception = {
    ...{ policy: "volume-sizes", resource: "disk", owner: "ops@example.com" },
    ...{ reason: "a restore of all", until: "2026-12-01" },
  };
  const read = (config: Readonly<Record<string, object>> = {}, tenant = true) => {
    const project = pulumi.getProject(); // whatever the tests before have called it
    pulumi.runtime.setAllConfig(
      Object.fromEntries(
        Object.entries(config).map(([key, value]) => [`${project}:${key}`, JSON.stringify(value)]),
      ),
    );
    return readPolicyFacts(readAwsConfig("production"), { tenant });
  };

  it("says what the pack takes: the environment, its budget, and what the stack's own plan does not hold", () => {
    const facts = read({
      aws: { budgetUsdPerMonth: 1_500 },
      cost: { elsewhereUsdPerMonth: 6_000, useUsdPerMonth: 60, shareUsdPerMonth: 90 },
      policyExceptions: [exception],
    });
    expect(policyFacts.parse(facts)).to.deep.equal({
      ...{ environment: "production", preset: "production", region: "us-east-1" },
      ...{ environmentBudgetUsdPerMonth: 50_000, elsewhereUsdPerMonth: 6_000 },
      tenant: { budgetUsdPerMonth: 1_500, useUsdPerMonth: 60, shareUsdPerMonth: 90 },
      exceptions: [exception],
    });
  });

  it("takes what nobody said for unknown, never for 0", () => {
    expect(read().elsewhereUsdPerMonth).to.equal(undefined);
    expect(read().tenant?.useUsdPerMonth).to.equal(undefined);
    expect(read({}, false).tenant).to.equal(undefined);
  });

  it("takes exceptions for tenants in the platform's stack only", () => {
    const tenantExceptions = [{ ...exception, tenants: "customer-*" }];
    const facts = read({ tenantExceptions }, false);
    expect(policyFacts.parse(facts)).to.deep.include({ tenantExceptions, exceptions: [] });
    expect(read({ tenantExceptions }).tenantExceptions).to.equal(undefined);
    const nobodys = [{ ...exception, tenants: "" }];
    expect(() => read({ tenantExceptions: nobodys }, false)).to.throw(/tenantExceptions\.0\.tenants/);
  });

  for (const [config, key] of [
    [{ cost: { environmentBudgetUsdPerMonth: 0 } }, /cost\.environmentBudgetUsdPerMonth/],
    [{ aws: { budgetUsdPerMonth: 0 } }, /aws\.budgetUsdPerMonth/],
    [{ cost: { useUsdPerMonth: -1 } }, /cost\.useUsdPerMonth/],
    [{ cost: { budget: 1 } }, /cost: .*budget/],
    [{ policyExceptions: [{ ...exception, until: "2026-02-30" }] }, /policyExceptions\.0\.until/],
    [{ policyExceptions: [{ ...exception, owner: "ops" }] }, /policyExceptions\.0\.owner/],
    [{ policyExceptions: Array.from({ length: 21 }, () => exception) }, /policyExceptions: .*20/],
  ] as const)
    it(`refuses ${JSON.stringify(config).slice(0, 60)} and names the key`, () => {
      expect(() => read(config)).to.throw(pulumi.RunError, key);
    });
});
