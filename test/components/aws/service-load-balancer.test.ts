import { expect } from "chai";
import { ServiceLoadBalancer } from "../../../components/aws/service-load-balancer.ts";
import { mockAws } from "../../support/aws-mocks.ts";
import { valueOf } from "../../support/outputs.ts";

const LISTENER = "aws:lb/listener:Listener";

describe("ServiceLoadBalancer", () => {
  const created = mockAws();

  async function makeBalancer(certificateArn?: string) {
    const args = {
      scope: { environment: "production", tenant: undefined },
      vpcId: "vpc-1",
      subnetIds: ["subnet-1", "subnet-2"],
      securityGroupId: "sg-load-balancer",
      certificateArn,
      isProtected: true,
    };
    const balancer = new ServiceLoadBalancer("service", args, created.watched);
    return { balancer, resources: await created.settled() };
  }

  it("is inside the network only, in its own security group, and cannot be deleted by mistake", async () => {
    const { balancer, resources } = await makeBalancer();
    const { inputs } = resources.get("aws:lb/loadBalancer:LoadBalancer", "service");
    expect(inputs).to.deep.include({
      internal: true,
      securityGroups: ["sg-load-balancer"],
      subnets: ["subnet-1", "subnet-2"],
      dropInvalidHeaderFields: true,
      enableDeletionProtection: true,
    });
    expect(inputs["name"]).to.match(/^millwright-pr-service-[0-9a-f]{10}$/);
    expect(await valueOf(balancer.listenerArn)).to.match(/^arn:aws:lb/);
    expect(resources.orphans()).to.deep.equal([]);
  });

  it("asks whether the process answers, and not whether its databases do", async () => {
    const { resources } = await makeBalancer();
    const { inputs } = resources.get("aws:lb/targetGroup:TargetGroup", "service");
    expect(inputs).to.deep.include({ targetType: "ip", port: 8080 });
    expect(inputs["healthCheck"]).to.include({ path: "/healthz", matcher: "200" });
  });

  it("speaks HTTPS where a certificate is given", async () => {
    const { resources, balancer } = await makeBalancer("arn:aws:acm:us-east-1:123456789012:certificate/1");
    expect(resources.get(LISTENER, "service").inputs).to.include({
      ...{ protocol: "HTTPS", port: 443, sslPolicy: "ELBSecurityPolicy-TLS13-1-2-2021-06" },
    });
    expect(await valueOf(balancer.url)).to.match(/^https:/);
  });

  it("speaks HTTP where no certificate is given", async () => {
    const { resources } = await makeBalancer();
    expect(resources.get(LISTENER, "service").inputs).to.include({ protocol: "HTTP", port: 80 });
  });
});
