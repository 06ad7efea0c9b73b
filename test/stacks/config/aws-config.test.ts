import { expect } from "chai";
import * as pulumi from "@pulumi/pulumi";
import { readAwsConfig, readTarget } from "../../../stacks/config/aws-config.ts";

describe("readAwsConfig", () => {
  const read = (aws?: object, environment = "development") => {
    const project = pulumi.getProject(); // whatever the tests before have called it
    pulumi.runtime.setAllConfig(aws === undefined ? {} : { [`${project}:aws`]: JSON.stringify(aws) });
    return readAwsConfig(environment);
  };

  it("needs nothing for the two environments, which differ in values only", () => {
    const [development, production] = [read(), read(undefined, "production")];
    expect(development.catalog.isMultiAz).to.equal(false);
    expect(production.catalog.isMultiAz).to.equal(true);
    expect(development.network.natCount).to.equal(1);
    expect(production.network.natCount).to.equal(3);
    expect(Object.keys(development)).to.deep.equal(Object.keys(production));
    expect(development.region).to.equal("us-east-1");
  });

  it("takes single values in the place of the preset's", () => {
    const config = read({ preset: "production", eventLog: { brokerCount: 6 } }, "staging");
    expect(config.eventLog).to.include({ brokerCount: 6, instanceType: "kafka.m7g.large" });
    expect(config.environment).to.equal("staging");
  });

  for (const [aws, key] of [
    [{ natCount: 1 }, /aws: .*natCount/],
    [{ network: { natCuont: 1 } }, /aws\.network: .*natCuont/],
    [{ network: { cidrBlock: "10.0.0.0/28" } }, /aws\.network\.cidrBlock: .*do not fit/],
    [{ eventLog: { brokerCount: 4 } }, /aws\.eventLog\.brokerCount: .*multiple/],
    [{ network: { zones: ["us-east-1a"] } }, /aws\.network\.zones: names us-east-1a: 3 different/],
    [{ network: { zoneCount: 1 } }, /aws\.network\.zoneCount/],
    [{ isolatedApi: { cidrBlock: "10.0.0.0/28" } }, /aws\.isolatedApi\.cidrBlock: .*do not fit/],
    [
      { isolatedApi: { clientCidrBlocks: ["10.1.0.0/16", "10.128.1.0/24"] } },
      /aws\.isolatedApi\.clientCidrBlocks: 10\.128\.1\.0\/24 overlaps/,
    ],
    [{ isolatedApi: true }, /aws\.isolatedApi/],
    [{ api: { corsOrigins: ["*"] } }, /aws\.api\.corsOrigins/],
    [{ service: { domain: "api.internal" } }, /aws\.service\.domain: goes with/],
    [{ preset: "staging" }, /aws\.preset/],
    [{ region: "nowhere" }, /aws\.region/],
  ] as const) {
    it(`refuses ${JSON.stringify(aws)} and names the key`, () => {
      expect(() => read(aws)).to.throw(pulumi.RunError, key);
    });
  }

  it("refuses an environment without a preset, and one whose name would blur other names", () => {
    expect(() => read(undefined, "staging")).to.throw(pulumi.RunError, /aws\.preset: 'staging'/);
    expect(() => read(undefined, "pre-prod")).to.throw(pulumi.RunError, /environment 'pre-prod'/);
  });

  it("builds on this machine unless the target says otherwise", () => {
    const project = pulumi.getProject();
    const target = (value?: string) => {
      pulumi.runtime.setAllConfig(value === undefined ? {} : { [`${project}:target`]: value });
      return readTarget();
    };
    expect([target(), target("local"), target("aws")]).to.deep.equal(["local", "local", "aws"]);
    expect(() => target("azure")).to.throw(pulumi.RunError, /target: 'azure'/);
  });
});
