import { expect } from "chai";
import { IsolatedNetwork } from "../../../components/aws/isolated-network.ts";
import { tenantId } from "../../../model/tenant.ts";
import { mockAws } from "../../support/aws-mocks.ts";

describe("IsolatedNetwork", () => {
  const created = mockAws();
  async function make(clientCidrBlocks: readonly string[] = ["10.1.0.0/16"]) {
    new IsolatedNetwork(
      "isolated",
      {
        scope: { environment: "production", tenant: tenantId.parse("acme") },
        ...{ region: "us-east-1", cidrBlock: "10.128.0.0/22", zones: ["us-east-1a", "us-east-1b"] },
        ...{ clientCidrBlocks, isProtected: true },
      },
      created.watched,
    );
    return created.settled();
  }

  it("leads nowhere but to API Gateway, in two zones", async () => {
    const resources = await make();
    const { inputs } = resources.get("aws:ec2/vpcEndpoint:VpcEndpoint", "isolated");
    expect(inputs).to.include({
      ...{ serviceName: "com.amazonaws.us-east-1.execute-api", vpcEndpointType: "Interface" },
    });
    expect(inputs["subnetIds"]).to.have.length(2);
    const ways = resources.all.filter(({ type }) => /gateway|route|peering/i.test(type));
    expect(ways).to.deep.equal([]);
    expect(resources.get("aws:ec2/vpc:Vpc", "isolated").options?.protect).to.equal(true);
    expect(resources.orphans()).to.deep.equal([]);
  });

  it("lets in HTTPS from itself and the customer's networks, and nothing out", async () => {
    const resources = await make();
    const ingress = resources
      .ofType("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")
      .map(({ inputs }) => [inputs["cidrIpv4"], inputs["fromPort"], inputs["toPort"]]);
    expect(ingress).to.have.deep.members([
      ["10.128.0.0/22", 443, 443],
      ["10.1.0.0/16", 443, 443],
    ]);
    expect(resources.ofType("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule")).to.deep.equal([]);
  });
});
