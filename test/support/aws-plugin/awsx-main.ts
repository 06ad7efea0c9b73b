import { createRequire } from "node:module";
import * as aws from "@pulumi/aws";
import type { VpcArgs } from "@pulumi/awsx/ec2/vpc.js";
import * as pulumi from "@pulumi/pulumi";
import { main, type ConstructResult } from "@pulumi/pulumi/provider/index.js";

/**
 * `pulumi-resource-awsx` of the tests: registers what a VPC consists of for a full specification, and refuses others. Its
 * layout is ours, not awsx's: how many resources there are, and under which names, is a guess.
 */

const { version } = createRequire(import.meta.url)("@pulumi/awsx/package.json") as { version: string };

class Vpc extends pulumi.ComponentResource {
  readonly state: pulumi.Inputs;

  constructor(name: string, args: VpcArgs, opts: pulumi.ComponentResourceOptions) {
    super("awsx:ec2:Vpc", name, {}, opts);
    const { availabilityZoneNames: zones, cidrBlock, subnetSpecs: specs, natGateways, tags } = args;
    const isFull = specs?.every(({ cidrBlocks }) => cidrBlocks?.length === zones?.length);
    if (zones === undefined || specs === undefined || cidrBlock === undefined || isFull !== true)
      throw new Error(
        "awsx would fill in defaults here: name zones, cidrBlock and every subnet's cidrBlocks",
      );
    const inside = { parent: this };
    const { enableDnsHostnames, enableDnsSupport } = args;
    const vpc = new aws.ec2.Vpc(
      name,
      {
        cidrBlock,
        enableDnsHostnames: enableDnsHostnames!,
        enableDnsSupport: enableDnsSupport!,
        tags: tags!,
      },
      inside,
    );
    const vpcId = vpc.id;
    const internet = new aws.ec2.InternetGateway(name, { vpcId, tags: tags! }, inside);

    const subnets = specs.map(({ type, name: part = type, cidrBlocks = [] }) => ({
      type,
      zones: zones.map((availabilityZone, index) => {
        const label = `${name}-${part}-${index + 1}`;
        const subnet = new aws.ec2.Subnet(
          label,
          { vpcId, availabilityZone, cidrBlock: cidrBlocks[index]!, mapPublicIpOnLaunch: type === "Public" },
          inside,
        );
        const table = new aws.ec2.RouteTable(label, { vpcId }, inside);
        new aws.ec2.RouteTableAssociation(label, { subnetId: subnet.id, routeTableId: table.id }, inside);
        return { label, subnet, table };
      }),
    }));
    const ofType = (wanted: string) =>
      subnets.filter(({ type }) => type === wanted).flatMap((spec) => spec.zones);
    const gatewayZones = ofType("Public").slice(
      0,
      { Single: 1, OnePerAz: zones.length, None: 0 }[natGateways!.strategy],
    );
    const gateways = gatewayZones.map(({ subnet }, index) => {
      const address = new aws.ec2.Eip(`${name}-${index + 1}`, { domain: "vpc" }, inside);
      return new aws.ec2.NatGateway(
        `${name}-${index + 1}`,
        { subnetId: subnet.id, allocationId: address.allocationId },
        inside,
      );
    });
    const toWorld = { destinationCidrBlock: "0.0.0.0/0" };
    for (const { label, table } of ofType("Public"))
      new aws.ec2.Route(label, { ...toWorld, routeTableId: table.id, gatewayId: internet.id }, inside);
    for (const [index, { label, table }] of ofType("Private").entries()) {
      const natGatewayId = gateways[index % gateways.length]!.id;
      new aws.ec2.Route(label, { ...toWorld, routeTableId: table.id, natGatewayId }, inside);
    }

    const idsOf = (type: string) => ofType(type).map(({ subnet }) => subnet.id);
    this.state = {
      ...{ vpc, vpcId, internetGateway: internet },
      ...{
        publicSubnetIds: idsOf("Public"),
        privateSubnetIds: idsOf("Private"),
        isolatedSubnetIds: idsOf("Isolated"),
      },
      routeTables: subnets.flatMap((spec) => spec.zones.map(({ table }) => table)),
    };
    this.registerOutputs(this.state);
  }
}

await main(
  {
    version,
    construct(name, type, inputs, options): Promise<ConstructResult> {
      if (type !== "awsx:ec2:Vpc") throw new Error(`this awsx plugin has no component ${type}`);
      const vpc = new Vpc(name, inputs, options);
      return Promise.resolve({ urn: vpc.urn, state: vpc.state });
    },
  },
  process.argv.slice(2),
);
