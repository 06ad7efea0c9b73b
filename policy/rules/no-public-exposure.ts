import type { PlannedResource, Rule } from "./rule.ts";

type Props = PlannedResource["props"];

/** Databases, brokers and buckets are reached from inside; what the world reaches stands behind a load balancer. */
export const noPublicExposure: Rule = {
  name: "no-public-exposure",
  description: "No database, network rule or bucket is open to the internet.",
  violations({ type, props }) {
    const found = props["publiclyAccessible"] === true ? ["It is publicly accessible."] : [];
    return [...found, ...(CHECKS[type]?.(props) ?? [])];
  },
};

const CHECKS: Readonly<Record<string, (props: Props) => string[]>> = {
  "aws:ec2/securityGroup:SecurityGroup": ({ ingress }) =>
    list(ingress).flatMap((rule) => openIngress(rule as Props)),
  "aws:ec2/securityGroupRule:SecurityGroupRule": (props) =>
    props["type"] === "egress" ? [] : openIngress(props),
  "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": openIngress,
  "aws:s3/bucket:Bucket": publicAcl,
  "aws:s3/bucketAcl:BucketAcl": publicAcl,
  "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": (props) =>
    ["blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"]
      .filter((name) => props[name] !== true)
      .map((name) => `${name} is off.`),
};

function openIngress(rule: Props): string[] {
  const sources = [
    ...list(rule["cidrBlocks"]),
    ...list(rule["ipv6CidrBlocks"]),
    rule["cidrIpv4"],
    rule["cidrIpv6"],
  ];
  // A prefix of length 0 is everybody, however the address before it is written.
  const open = sources.filter((source) => typeof source === "string" && source.trim().endsWith("/0"));
  return open.map((source) => `Ingress from ${String(source)}.`);
}

function publicAcl({ acl }: Props): string[] {
  const isOpen = acl === "public-read" || acl === "public-read-write" || acl === "authenticated-read";
  return isOpen ? [`The ACL is ${acl}.`] : [];
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
