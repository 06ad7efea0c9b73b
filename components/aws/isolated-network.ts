import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { subnetLayout } from "../../model/aws/subnet-layout.ts";
import { awsName, type AwsScope } from "./names.ts";

export interface IsolatedNetworkArgs {
  readonly scope: AwsScope;
  readonly region: string;
  readonly cidrBlock: string;
  /** Two: the endpoint stays when one of them is away. */
  readonly zones: readonly string[];
  /** Networks of the customer that are connected to it: their machines and people call from there. */
  readonly clientCidrBlocks: readonly string[];
  readonly isProtected: boolean;
}

const HTTPS = 443;

/**
 * A network for one tenant's calls: no gateway, no way to the internet or to anything of ours but the API's endpoint. The
 * customer's network is connected to it by whoever owns both (peering, transit gateway, VPN).
 */
export class IsolatedNetwork extends pulumi.ComponentResource {
  readonly vpcId: pulumi.Output<string>;
  readonly apiEndpointId: pulumi.Output<string>;

  constructor(name: string, args: IsolatedNetworkArgs, opts?: pulumi.ComponentResourceOptions) {
    super("millwright:aws:IsolatedNetwork", name, {}, opts);
    const { scope, region, cidrBlock, zones, isProtected: protect } = args;
    const child = { parent: this };
    const tags = { Name: awsName("other", scope, "api") };
    const vpc = new aws.ec2.Vpc(
      name,
      { cidrBlock, enableDnsHostnames: true, enableDnsSupport: true, tags },
      { ...child, protect },
    );
    const subnets = subnetLayout(cidrBlock, zones.length).map(
      ({ private: block }, index) =>
        new aws.ec2.Subnet(
          `${name}-${index + 1}`,
          { vpcId: vpc.id, cidrBlock: block, availabilityZone: zones[index], tags },
          child,
        ),
    );
    new aws.ec2.DefaultSecurityGroup(`${name}-default`, { vpcId: vpc.id, tags }, child);
    const group = new aws.ec2.SecurityGroup(
      name,
      {
        name: awsName("other", scope, "api-endpoint"),
        description: `the API's endpoint of ${scope.environment}`,
        vpcId: vpc.id,
        tags,
      },
      child,
    );
    for (const [index, cidrIpv4] of [cidrBlock, ...args.clientCidrBlocks].entries())
      new aws.vpc.SecurityGroupIngressRule(
        `${name}-${index}`,
        { securityGroupId: group.id, cidrIpv4, ipProtocol: "tcp", fromPort: HTTPS, toPort: HTTPS, tags },
        child,
      );
    const endpoint = new aws.ec2.VpcEndpoint(
      name,
      {
        vpcId: vpc.id,
        serviceName: `com.amazonaws.${region}.execute-api`,
        vpcEndpointType: "Interface",
        // The API is called by a public name that leads to the endpoint's addresses; with private names on, every other
        // API of API Gateway would be beyond reach of the networks that are connected to this one.
        privateDnsEnabled: false,
        subnetIds: subnets.map(({ id }) => id),
        securityGroupIds: [group.id],
        tags,
      },
      child,
    );
    this.vpcId = vpc.id;
    this.apiEndpointId = endpoint.id;
    this.registerOutputs({ vpcId: this.vpcId, apiEndpointId: this.apiEndpointId });
  }
}
