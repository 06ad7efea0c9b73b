import { list, publicSources } from "../exposure/private-sources.ts";
import { openStatements } from "../exposure/resource-policy.ts";
import type { PlannedResource, Rule } from "./rule.ts";

type Props = PlannedResource["props"];

/**
 * What stands there is reached from inside. The API alone is called from outside: API Gateway is open by design, and asks for a
 * token. Network ACLs may be wide, security groups behind them are not. Whatever is not known yet is refused by `decide`.
 */
export const noPublicExposure: Rule = {
  name: "no-public-exposure",
  description:
    "Nothing but the API is open to the internet: ingress from private addresses and security groups only, no policy for " +
    "everybody, no public address.",
  violations: ({ type, props }) => [
    ...off(props, "publiclyAccessible"),
    ...(type.startsWith("aws:s3/") ? publicAcl(props) : []),
    ...(type.startsWith("aws:ecrpublic/") ? ["Its images are everybody's."] : []),
    ...(CHECKS[type]?.(props) ?? []),
  ],
};

const ingressOf = ({ ingress }: Props) => list(ingress).flatMap((rule) => publicSources(rule as Props));
const closedAccess = (props: Props) =>
  ["blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"].flatMap((name) =>
    isOn(props[name]) ? [] : [`${name} is off.`],
  );

const CHECKS: Readonly<Record<string, (props: Props) => readonly string[]>> = {
  "aws:ec2/securityGroup:SecurityGroup": ingressOf,
  "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": ingressOf,
  "aws:ec2/securityGroupRule:SecurityGroupRule": (props) =>
    props["type"] === "egress" ? [] : publicSources(props),
  "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": publicSources,

  "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": closedAccess,
  "aws:s3/accountPublicAccessBlock:AccountPublicAccessBlock": closedAccess,
  "aws:s3/bucketPolicy:BucketPolicy": ({ policy }) => openStatements(policy),
  "aws:s3/bucket:Bucket": ({ policy }) => openStatements(policy),
  "aws:ecr/repositoryPolicy:RepositoryPolicy": ({ policy }) => openStatements(policy),
  "aws:iam/role:Role": ({ assumeRolePolicy }) => openStatements(assumeRolePolicy),
  "aws:kms/key:Key": ({ policy }) => openStatements(policy),
  "aws:kms/keyPolicy:KeyPolicy": ({ policy }) => openStatements(policy),
  "aws:secretsmanager/secret:Secret": ({ policy }) => openStatements(policy),
  "aws:secretsmanager/secretPolicy:SecretPolicy": ({ policy }) => openStatements(policy),
  "aws:sns/topic:Topic": ({ policy }) => openStatements(policy),
  "aws:sns/topicPolicy:TopicPolicy": ({ policy }) => openStatements(policy),
  "aws:sqs/queue:Queue": ({ policy }) => openStatements(policy),
  "aws:sqs/queuePolicy:QueuePolicy": ({ policy }) => openStatements(policy),
  "aws:lambda/permission:Permission": openPermission,

  "aws:ec2/instance:Instance": (props) => off(props, "associatePublicIpAddress"),
  "aws:ec2/launchTemplate:LaunchTemplate": ({ networkInterfaces }) =>
    list(networkInterfaces).flatMap((one) => off(one as Props, "associatePublicIpAddress")),
  // Those of NAT gateways name neither.
  "aws:ec2/eip:Eip": ({ instance, networkInterface }) =>
    [...list(instance), ...list(networkInterface)].map(() => "It gives a server a public address."),
  "aws:ecs/service:Service": ({ networkConfiguration }) =>
    off((networkConfiguration ?? {}) as Props, "assignPublicIp"),
  "aws:lambda/functionUrl:FunctionUrl": ({ authorizationType: type }) =>
    type === "AWS_IAM" ? [] : ["Its URL asks for no identity."],
  "aws:lb/loadBalancer:LoadBalancer": ({ internal }) =>
    isOn(internal) ? [] : ["It faces the internet: internal is not true."],
  "aws:msk/cluster:Cluster": (props) => {
    const type = at(props, "brokerNodeGroupInfo", "connectivityInfo", "publicAccess", "type");
    return type === undefined || type === null || type === "DISABLED"
      ? []
      : [`Its publicAccess is ${JSON.stringify(type)}.`];
  },

  "aws:rds/snapshot:Snapshot": sharedSnapshot,
  "aws:rds/snapshotCopy:SnapshotCopy": sharedSnapshot,
  "aws:ec2/amiLaunchPermission:AmiLaunchPermission": ({ group }) =>
    list(group).map(() => "Its image is everybody's."),
};

/** Groups that S3 knows besides the one that delivers its logs: everybody, and everybody with an account of any customer. */
const CLOSED_ACLS: readonly unknown[] = [
  ...["private", "bucket-owner-read", "bucket-owner-full-control", "log-delivery-write", "", undefined, null],
];
const LOG_DELIVERY = "http://acs.amazonaws.com/groups/s3/LogDelivery";

function publicAcl({ acl, accessControlPolicy, grants }: Props): string[] {
  const uris = [
    ...list(at(accessControlPolicy, "grants")).map((grant) => at(grant, "grantee", "uri")),
    ...list(grants).map((grant) => at(grant, "uri")),
  ];
  return [
    ...(CLOSED_ACLS.includes(acl) ? [] : [`The ACL is ${JSON.stringify(acl)}.`]),
    ...uris
      .filter((uri) => uri !== undefined && uri !== null && uri !== "" && uri !== LOG_DELIVERY)
      .map((uri) => `The ACL grants to ${JSON.stringify(uri)}.`),
  ];
}

function openPermission(props: Props): string[] {
  const principal = props["principal"];
  if (typeof principal === "string" && !principal.includes("*")) return [];
  const isTied = ["principalOrgId", "sourceAccount", "sourceArn"].some((name) => {
    const value = props[name];
    return typeof value === "string" && !value.includes("*");
  });
  return isTied ? [] : [`Whoever asks may call it: the principal is ${JSON.stringify(principal)}.`];
}

function sharedSnapshot({ sharedAccounts }: Props): string[] {
  return list(sharedAccounts).includes("all") ? ["It is shared with everybody."] : [];
}

function off(props: Props, name: string): string[] {
  const value = props[name];
  const isOff = value === undefined || value === null || value === false || value === "false";
  return isOff ? [] : [`${name} is ${JSON.stringify(value)}.`];
}

function isOn(value: unknown): boolean {
  return value === true || value === "true";
}

function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>((found, key) => (found as Props | null | undefined)?.[key], value);
}
