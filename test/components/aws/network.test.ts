import { expect } from "chai";
import { Network } from "../../../components/aws/network.ts";
import { mockAws } from "../../support/aws-mocks.ts";
import { noPublicExposure } from "../../../policy/rules/no-public-exposure.ts";

const INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule";
const EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule";
const ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint";

describe("Network", () => {
  const created = mockAws();

  async function makeNetwork({ natCount = 3, zoneCount = 3, isProtected = true } = {}) {
    const args = {
      scope: { environment: "production", tenant: undefined },
      region: "us-east-1",
      cidrBlock: "10.64.0.0/16",
      zones: ["us-east-1a", "us-east-1b", "us-east-1c"].slice(0, zoneCount),
      ...{ natCount, interfaceEndpoints: ["kms", "secretsmanager"], isProtected },
    };
    new Network("network", args, created.watched);
    return created.settled();
  }
  const groupsOf = async () => {
    const resources = await makeNetwork();
    const named = resources.ofType("aws:ec2/securityGroup:SecurityGroup");
    const names = new Map(named.map(({ inputs, name }) => [inputs["name"], name.replace("network-", "")]));
    return { resources, nameOf: (id: unknown) => names.get(id) ?? id };
  };

  it("says the addresses of every subnet, and protects the VPC", async () => {
    const resources = await makeNetwork();
    const { inputs, options } = resources.get("awsx:ec2:Vpc", "network");
    expect(options?.protect).to.equal(true);
    expect(inputs["natGateways"]).to.deep.equal({ strategy: "OnePerAz" });
    const specs = inputs["subnetSpecs"] as { type: string; cidrBlocks: string[] }[];
    expect(specs.map(({ type }) => type)).to.deep.equal(["Public", "Private", "Isolated"]);
    for (const { cidrBlocks } of specs) expect(cidrBlocks).to.have.length(3);
    expect(resources.orphans()).to.deep.equal([]);
  });

  it("has one NAT gateway, two zones and no protection where that is asked for", async () => {
    const { inputs, options } = (await makeNetwork({ natCount: 1, zoneCount: 2, isProtected: false })).get(
      "awsx:ec2:Vpc",
      "network",
    );
    expect(inputs["natGateways"]).to.deep.equal({ strategy: "Single" });
    expect(inputs["availabilityZoneNames"]).to.deep.equal(["us-east-1a", "us-east-1b"]);
    expect(options?.protect).to.equal(false);
  });

  it("lets in only named members, each on one port", async () => {
    const { resources, nameOf } = await groupsOf();
    const flows = resources
      .ofType(INGRESS)
      .map(({ inputs }) => [
        nameOf(inputs["referencedSecurityGroupId"]),
        nameOf(inputs["securityGroupId"]),
        ...[inputs["fromPort"], inputs["toPort"]],
      ]);
    expect(flows).to.have.deep.members([
      ["handlers", "event-log", 9098, 9098],
      ["service", "event-log", 9098, 9098],
      ["machine-entrance", "event-log", 9096, 9096],
      ["event-log", "event-log", 9098, 9098],
      ["handlers", "timescale", 6432, 6432],
      ["service", "timescale", 5432, 5432],
      ["load-balancer", "service", 8080, 8080],
      ["service", "load-balancer", 80, 80],
      ["service", "load-balancer", 443, 443],
      ["api-link", "load-balancer", 80, 80],
      ["api-link", "load-balancer", 443, 443],
      ["timescale", "timescale", 5432, 5432],
      ["handlers", "catalog", 5432, 5432],
      ["service", "catalog", 5432, 5432],
      ...["handlers", "service", "event-log", "timescale"].map((from) => [from, "endpoints", 443, 443]),
    ]);
  });

  it("lets out what it lets in elsewhere, and HTTPS; the catalog and the endpoints not at all", async () => {
    const { resources, nameOf } = await groupsOf();
    const egress = resources.ofType(EGRESS).map(({ inputs }) => inputs);
    const toWorld = egress.filter(({ cidrIpv4 }) => cidrIpv4 !== undefined);
    expect(
      toWorld.map((rule) => [nameOf(rule["securityGroupId"]), rule["fromPort"], rule["toPort"]]),
    ).to.have.deep.members(
      ["handlers", "service", "event-log", "timescale"].map((member) => [member, 443, 443]),
    );
    for (const silent of ["catalog", "endpoints"])
      expect(egress.map(({ securityGroupId }) => nameOf(securityGroupId))).not.to.include(silent);
    expect(egress.length - toWorld.length).to.equal(resources.ofType(INGRESS).length);
  });

  it("has no inline rule, an empty default group, and nothing that the policy calls public", async () => {
    const resources = await makeNetwork();
    for (const { inputs } of resources.ofType("aws:ec2/securityGroup:SecurityGroup")) {
      expect(inputs).not.to.have.any.keys("ingress", "egress");
      expect(inputs["name"]).to.match(/^millwright-production-shared-/);
    }
    const { inputs } = resources.get("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", "network-default");
    expect(inputs).not.to.have.any.keys("ingress", "egress");
    const exposed = resources.all.flatMap(({ type, inputs: props }) =>
      noPublicExposure.violations({ type, props }),
    );
    expect(exposed).to.deep.equal([]);
  });

  it("closes the database subnets to everything but PostgreSQL from inside", async () => {
    const resources = await makeNetwork();
    const acl = resources.get("aws:ec2/networkAcl:NetworkAcl", "network-database");
    expect(acl.inputs["subnetIds"]).to.deep.equal([1, 2, 3].map((n) => `subnet-isolated-${n}`));
    const rules = resources.ofType("aws:ec2/networkAclRule:NetworkAclRule").map(({ inputs }) => inputs);
    expect(rules.map(({ egress, cidrBlock, fromPort }) => [egress, cidrBlock, fromPort])).to.deep.equal([
      [false, "10.64.0.0/16", 5432],
      [true, "10.64.0.0/16", 1024],
    ]);
  });

  it("reaches S3 by a gateway and the named services by interfaces in the private subnets", async () => {
    const resources = await makeNetwork();
    expect(resources.get(ENDPOINT, "network-s3").inputs).to.include({
      vpcEndpointType: "Gateway",
      serviceName: "com.amazonaws.us-east-1.s3",
    });
    const { inputs } = resources.get(ENDPOINT, "network-kms");
    expect(inputs["subnetIds"]).to.deep.equal([1, 2, 3].map((n) => `subnet-private-${n}`));
    expect(inputs).to.include({ vpcEndpointType: "Interface", privateDnsEnabled: true });
    expect(resources.ofType(ENDPOINT)).to.have.length(3);
  });
});
