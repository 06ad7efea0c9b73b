import * as aws from "@pulumi/aws";
import * as awsx from "@pulumi/awsx";
import * as pulumi from "@pulumi/pulumi";
import type { AwsSettings } from "../../model/aws/settings.ts";
import { subnetLayout } from "../../model/aws/subnet-layout.ts";
import { awsName, type AwsScope } from "./names.ts";
import { SecurityGroups, type NetworkMember } from "./security-groups.ts";

export interface NetworkArgs extends Pick<
  AwsSettings["network"],
  "cidrBlock" | "natCount" | "interfaceEndpoints"
> {
  readonly scope: AwsScope;
  readonly region: string;
  /** Availability zones, two or three. */
  readonly zones: readonly string[];
  readonly isProtected: boolean;
}

/** A VPC over two or three zones: who lives where, and who may talk to whom. */
export class Network extends pulumi.ComponentResource {
  readonly vpcId: pulumi.Output<string>;
  /** A way out by NAT, no way in: handlers, brokers, time-series databases. */
  readonly privateSubnetIds: pulumi.Output<string[]>;
  /** No way out of the VPC at all: the catalog. */
  readonly databaseSubnetIds: pulumi.Output<string[]>;
  readonly securityGroupIds: Readonly<Record<NetworkMember, pulumi.Output<string>>>;

  constructor(name: string, args: NetworkArgs, opts?: pulumi.ComponentResourceOptions) {
    super("millwright:aws:Network", name, {}, opts);
    const { scope, cidrBlock, zones, isProtected: protect } = args;
    const layout = subnetLayout(cidrBlock, zones.length);
    const blocks = (kind: "public" | "private" | "database") => layout.map((zone) => zone[kind]);

    // Every subnet with its addresses: awsx would fill what is left out with defaults that change with its version.
    const vpc = new awsx.ec2.Vpc(
      name,
      {
        cidrBlock,
        availabilityZoneNames: [...zones],
        enableDnsHostnames: true, // private names of the interface endpoints
        enableDnsSupport: true,
        natGateways: { strategy: args.natCount === 1 ? "Single" : "OnePerAz" },
        subnetStrategy: "Auto",
        subnetSpecs: [
          { type: "Public", name: "public", cidrBlocks: blocks("public") },
          { type: "Private", name: "private", cidrBlocks: blocks("private") },
          { type: "Isolated", name: "database", cidrBlocks: blocks("database") },
        ],
        tags: { Name: awsName("other", scope, "network") },
      },
      { parent: this, protect },
    );
    this.vpcId = vpc.vpcId;
    this.privateSubnetIds = vpc.privateSubnetIds;
    this.databaseSubnetIds = vpc.isolatedSubnetIds;
    this.securityGroupIds = new SecurityGroups(name, { scope, vpcId: vpc.vpcId }, { parent: this }).ids;
    this.closeDatabaseSubnets(name, scope, cidrBlock);
    this.openEndpoints(name, args, vpc);
    this.registerOutputs({ vpcId: this.vpcId });
  }

  /** A second lock beside the security groups: nothing from outside the VPC, whatever a group allows. */
  private closeDatabaseSubnets(name: string, scope: AwsScope, cidrBlock: string): void {
    const acl = new aws.ec2.NetworkAcl(
      `${name}-database`,
      {
        vpcId: this.vpcId,
        subnetIds: this.databaseSubnetIds,
        tags: { Name: awsName("other", scope, "database") },
      },
      { parent: this },
    );
    for (const egress of [false, true])
      new aws.ec2.NetworkAclRule(
        `${name}-database-${egress ? "out" : "in"}`,
        {
          ...{ networkAclId: acl.id, egress, ruleNumber: 100, ruleAction: "allow", cidrBlock },
          // An ACL knows no connections: the answer goes back to a port that the client chose.
          ...{ protocol: "tcp", fromPort: egress ? 1024 : 5432, toPort: egress ? 65_535 : 5432 },
        },
        { parent: this },
      );
  }

  /** Ways to services of AWS that do not leave the VPC. */
  private openEndpoints(
    name: string,
    { scope, region, interfaceEndpoints }: NetworkArgs,
    vpc: awsx.ec2.Vpc,
  ): void {
    new aws.ec2.VpcEndpoint(
      `${name}-s3`,
      {
        vpcId: this.vpcId,
        serviceName: `com.amazonaws.${region}.s3`,
        vpcEndpointType: "Gateway", // costs nothing
        routeTableIds: vpc.routeTables.apply((tables) => tables.map(({ id }) => id)),
        tags: { Name: awsName("other", scope, "s3") },
      },
      { parent: this },
    );
    for (const service of interfaceEndpoints)
      new aws.ec2.VpcEndpoint(
        `${name}-${service}`,
        {
          vpcId: this.vpcId,
          serviceName: `com.amazonaws.${region}.${service}`,
          vpcEndpointType: "Interface",
          privateDnsEnabled: true,
          subnetIds: this.privateSubnetIds,
          securityGroupIds: [this.securityGroupIds.endpoints],
          tags: { Name: awsName("other", scope, service) },
        },
        { parent: this },
      );
  }
}
