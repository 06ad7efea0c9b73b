import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { awsName, type AwsScope } from "./names.ts";

/** Who there is in the network: one security group each. */
export const NETWORK_MEMBERS = [
  "handlers",
  "service",
  "loadBalancer",
  "apiLink",
  "machineEntrance",
  "eventLog",
  "timescale",
  "catalog",
  "endpoints",
] as const;
export type NetworkMember = (typeof NETWORK_MEMBERS)[number];

const HTTP = 80;
const HTTPS = 443;
const KAFKA_IAM = 9098;
const KAFKA_PASSWORD = 9096;
const POSTGRESQL = 5432;
const PGBOUNCER = 6432;
const SERVICE = 8080;

/** Who may open a connection to whom, and nobody else: both ends get a rule. */
const FLOWS: readonly (readonly [from: NetworkMember, to: NetworkMember, port: number])[] = [
  ["handlers", "eventLog", KAFKA_IAM],
  ["service", "eventLog", KAFKA_IAM],
  ["machineEntrance", "eventLog", KAFKA_PASSWORD],
  // Lambda reads the log through network interfaces that it makes with the brokers' own group.
  ["eventLog", "eventLog", KAFKA_IAM],
  ["handlers", "timescale", PGBOUNCER],
  ["service", "timescale", POSTGRESQL],
  ["loadBalancer", "service", SERVICE],
  // Operators' machines are in the service's group. By what port depends on whether there is a certificate.
  ["service", "loadBalancer", HTTP],
  ["service", "loadBalancer", HTTPS],
  ["apiLink", "loadBalancer", HTTP],
  ["apiLink", "loadBalancer", HTTPS],
  ["timescale", "timescale", POSTGRESQL], // primary and replica
  ["handlers", "catalog", POSTGRESQL],
  ["service", "catalog", POSTGRESQL],
  ["handlers", "endpoints", HTTPS],
  ["service", "endpoints", HTTPS],
  ["eventLog", "endpoints", HTTPS],
  ["timescale", "endpoints", HTTPS],
];

/**
 * Who may open HTTPS to any address: webhooks, the services of AWS that have no endpoint here, packages when a server is
 * made, and what Lambda's reader of the log asks (Lambda, STS). Nothing comes in from there.
 */
const REACHES_OUT: readonly NetworkMember[] = ["handlers", "service", "eventLog", "timescale"];

export interface SecurityGroupsArgs {
  readonly scope: AwsScope;
  readonly vpcId: pulumi.Input<string>;
}

/** The security groups of one network. Rules are resources of their own: beside inline rules each would undo the other. */
export class SecurityGroups extends pulumi.ComponentResource {
  readonly ids: Readonly<Record<NetworkMember, pulumi.Output<string>>>;

  constructor(name: string, { scope, vpcId }: SecurityGroupsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("millwright:aws:SecurityGroups", name, {}, opts);
    const inside = { parent: this };
    const groupOf = (member: NetworkMember) => {
      const part = kebab(member);
      const args = {
        name: awsName("other", scope, part),
        description: `${part} of ${scope.environment}`,
        vpcId,
        revokeRulesOnDelete: true, // groups that name each other could not be deleted else
        tags: { Name: awsName("other", scope, part) },
      };
      return [member, new aws.ec2.SecurityGroup(`${name}-${part}`, args, inside).id] as const;
    };
    this.ids = Object.fromEntries(NETWORK_MEMBERS.map(groupOf)) as Record<
      NetworkMember,
      pulumi.Output<string>
    >;

    for (const [from, to, port] of FLOWS) {
      const rule = `${name}-${kebab(from)}-to-${kebab(to)}-${port}`;
      const tcp = { ipProtocol: "tcp", fromPort: port, toPort: port };
      const { [from]: source, [to]: destination } = this.ids;
      new aws.vpc.SecurityGroupIngressRule(
        rule,
        { ...tcp, securityGroupId: destination, referencedSecurityGroupId: source },
        inside,
      );
      new aws.vpc.SecurityGroupEgressRule(
        rule,
        { ...tcp, securityGroupId: source, referencedSecurityGroupId: destination },
        inside,
      );
    }
    for (const member of REACHES_OUT)
      new aws.vpc.SecurityGroupEgressRule(
        `${name}-${kebab(member)}-out`,
        {
          ...{ securityGroupId: this.ids[member], cidrIpv4: "0.0.0.0/0" },
          ...{ ipProtocol: "tcp", fromPort: HTTPS, toPort: HTTPS },
        },
        inside,
      );
    // Every VPC is born with a group that lets its members do anything: taken over without a rule, it lets nobody.
    new aws.ec2.DefaultSecurityGroup(`${name}-default`, { vpcId }, inside);
    this.registerOutputs({ ids: this.ids });
  }
}

function kebab(member: NetworkMember): string {
  return member.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
