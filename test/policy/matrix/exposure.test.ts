import { expect } from "chai";
import { UNKNOWN_VALUE } from "../../../providers/properties.ts";
import { brokers, database, server, service, task, template } from "../../support/planned-resources.ts";
import { factsOf, gate, planned, type Planned } from "../../support/planned-stack.ts";

const GROUP = "aws:ec2/securityGroup:SecurityGroup";
const DEFAULT_GROUP = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup";
const RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule";
const OLD_RULE = "aws:ec2/securityGroupRule:SecurityGroupRule";
const ACL = "aws:s3/bucketAcl:BucketAcl";
const PERMISSION = "aws:lambda/permission:Permission";
const BALANCER = "aws:lb/loadBalancer:LoadBalancer";
const EVERYBODY = "http://acs.amazonaws.com/groups/global/AllUsers";
const CUSTOMERS = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers";
const LOG_DELIVERY = "http://acs.amazonaws.com/groups/s3/LogDelivery";

/** Whose policy it is, and the property that holds it. */
const POLICIES = {
  "aws:s3/bucket:Bucket": "policy",
  "aws:s3/bucketPolicy:BucketPolicy": "policy",
  "aws:iam/role:Role": "assumeRolePolicy",
  "aws:kms/key:Key": "policy",
  "aws:secretsmanager/secret:Secret": "policy",
  "aws:secretsmanager/secretPolicy:SecretPolicy": "policy",
  "aws:sns/topic:Topic": "policy",
  "aws:sns/topicPolicy:TopicPolicy": "policy",
  "aws:sqs/queue:Queue": "policy",
  "aws:sqs/queuePolicy:QueuePolicy": "policy",
} as const;
const allowing = (Principal: unknown, more: object = {}) => ({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Principal, Action: "*", Resource: "*", ...more }],
});
const when = (operator: string, key: string, value: unknown) => ({
  Condition: { [operator]: { [key]: value } },
});
const tlsOnly = when("Bool", "aws:SecureTransport", "false");

const open: Record<string, Planned> = {};
const closed: Record<string, Planned> = {};

for (const [what, block, isOpen] of [
  ["everybody", "0.0.0.0/0", true],
  ["one half of everybody", "0.0.0.0/1", true],
  ["the other half", "128.0.0.0/1", true],
  ["a part of the internet", "3.0.0.0/8", true],
  ["one host of the internet", "3.4.5.6/32", true],
  ["more than a private network", "10.0.0.0/7", true],
  ["beside a private network", "172.32.0.0/12", true],
  ["no block", "everywhere", true],
  ["addresses that nobody knows", UNKNOWN_VALUE, true],
  ["RFC 1918, 10", "10.64.0.0/16", false],
  ["RFC 1918, 172", "172.31.0.0/16", false],
  ["RFC 1918, 192", "192.168.0.0/16", false],
  ["a carrier's network", "100.64.0.0/10", false],
] as const) {
  const found = isOpen ? open : closed;
  found[`a group with ingress from ${what}`] = planned(GROUP, { ingress: [{ cidrBlocks: [block] }] });
  found[`a default group with ingress from ${what}`] = planned(DEFAULT_GROUP, {
    ingress: [{ self: true }, { cidrBlocks: ["10.0.0.0/8", block] }],
  });
  found[`a rule for ${what}`] = planned(RULE, { cidrIpv4: block });
  found[`an old rule for ${what}`] = planned(OLD_RULE, { type: "ingress", cidrBlocks: [block] });
}
for (const [block, isOpen] of [
  ["::/0", true],
  ["::/1", true],
  ["2000::/3", true],
  ["::ffff:10.0.0.0/104", true],
  ["fc00::/6", true],
  ["fd12:3456::/32", false],
] as const)
  (isOpen ? open : closed)[`ingress from ${block}`] = planned(RULE, { cidrIpv6: block });

for (const [type, property] of Object.entries(POLICIES)) {
  const policy = (document: unknown) => planned(type, { [property]: document });
  open[`${type} for everybody, as text`] = policy(JSON.stringify(allowing("*")));
  open[`${type} for everybody, as an object`] = policy(allowing({ AWS: "*" }));
  open[`${type} for whom nobody knows`] = policy(UNKNOWN_VALUE);
  open[`${type} with a part that nobody knows`] = policy(allowing({ AWS: UNKNOWN_VALUE }));
  closed[`${type} for one`] = policy(JSON.stringify(allowing({ Service: "kafka.amazonaws.com" })));
  closed[`${type} without any`] = policy(undefined);
}
for (const [what, document, isOpen] of [
  ["that is no JSON", "{", true],
  ["for everybody among others", allowing({ AWS: ["arn:aws:iam::123456789012:root", "*"] }), true],
  ["for all but one", { Statement: { Effect: "Allow", NotPrincipal: { AWS: "arn:x" }, Action: "*" } }, true],
  [
    "for everybody, in one statement of two",
    { Statement: [...allowing("x").Statement, ...allowing("*").Statement] },
    true,
  ],
  ["for everybody, in small letters", { statement: [{ effect: "Allow", principal: "*" }] }, true],
  ["for everybody, without an effect", { Statement: { Principal: "*", Action: "*" } }, true],
  ["for everybody by TLS", allowing("*", tlsOnly), true],
  ["for everybody but one network", allowing("*", when("StringNotEquals", "aws:SourceVpc", "vpc-1")), true],
  ["for everybody of any account", allowing("*", when("StringLike", "aws:SourceAccount", "*")), true],
  [
    "for everybody without an account",
    allowing("*", when("StringEqualsIfExists", "aws:SourceAccount", "1")),
    true,
  ],
  [
    "for everybody of our account",
    allowing("*", when("StringEquals", "aws:PrincipalAccount", "123456789012")),
    false,
  ],
  ["for everybody of one network", allowing("*", when("StringEquals", "aws:sourceVpce", ["vpce-1"])), false],
  ["that refuses everybody", allowing("*", { Effect: "Deny", ...tlsOnly }), false],
] as const)
  (isOpen ? open : closed)[`a policy ${what}`] = planned("aws:s3/bucketPolicy:BucketPolicy", {
    policy: document,
  });

const grantTo = (uri: unknown) =>
  planned(ACL, {
    accessControlPolicy: { grants: [{ permission: "READ", grantee: { type: "Group", uri } }] },
  });
const access = (type: unknown) => brokers({}, { connectivityInfo: { publicAccess: { type } } });
const address = (associatePublicIpAddress: unknown) => ({ associatePublicIpAddress });
const blocked = { blockPublicAcls: true, ignorePublicAcls: true, restrictPublicBuckets: true };
const BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock";
Object.assign(open, {
  "a prefix list": planned(RULE, { prefixListId: "pl-1" }),
  "a prefix list that nobody knows": planned(GROUP, { ingress: [{ prefixListIds: [UNKNOWN_VALUE] }] }),
  "groups' rules that nobody knows": planned(DEFAULT_GROUP, { ingress: UNKNOWN_VALUE }),
  "a rule whose direction nobody knows": planned(OLD_RULE, { type: UNKNOWN_VALUE, cidrBlocks: [] }),
  "brokers with public addresses": access("SERVICE_PROVIDED_EIPS"),
  "brokers with addresses that nobody knows": access(UNKNOWN_VALUE),
  "a public database": database({ publiclyAccessible: true }),
  "a public database, as text": database({ publiclyAccessible: "true" }),
  "a database of which nobody knows": database({ publiclyAccessible: UNKNOWN_VALUE }),
  "an ACL for reading": planned(ACL, { acl: "public-read" }),
  "an ACL that nobody knows": planned(ACL, { acl: UNKNOWN_VALUE }),
  "a grant to everybody": grantTo(EVERYBODY),
  "a grant to all customers": grantTo(CUSTOMERS),
  "a grant that nobody knows": grantTo(UNKNOWN_VALUE),
  "a bucket's own grant": planned("aws:s3/bucket:Bucket", {
    grants: [{ uri: EVERYBODY, permissions: ["READ"] }],
  }),
  "a bucket that takes public policies": planned(BLOCK, { ...blocked, blockPublicPolicy: "false" }),
  "a server with an address": server(address(true)),
  "a server with an address, as text": server(address("true")),
  "a server of which nobody knows": server(address(UNKNOWN_VALUE)),
  "a template with an address": template({ networkInterfaces: [address("true")] }),
  "an address for a server": planned("aws:ec2/eip:Eip", { instance: "i-1" }),
  "an address for an interface": planned("aws:ec2/eip:Eip", { networkInterface: UNKNOWN_VALUE }),
  "a load balancer for the internet": planned(BALANCER, { internal: false }),
  "a load balancer that does not say": planned(BALANCER),
  "a load balancer of which nobody knows": planned(BALANCER, { internal: UNKNOWN_VALUE }),
  "a function for everybody": planned(PERMISSION, { principal: "*" }),
  "a function for whom nobody knows": planned(PERMISSION, { principal: UNKNOWN_VALUE }),
});
Object.assign(closed, {
  "ingress from a group that is not made yet": planned(RULE, { referencedSecurityGroupId: UNKNOWN_VALUE }),
  "a default group without rules": planned(DEFAULT_GROUP, { vpcId: UNKNOWN_VALUE }),
  "the way out": planned(OLD_RULE, { type: "egress", cidrBlocks: ["0.0.0.0/0"] }),
  "the way out of a group": planned(GROUP, { egress: [{ cidrBlocks: ["0.0.0.0/0"] }] }),
  "a wide network ACL": planned("aws:ec2/networkAclRule:NetworkAclRule", { cidrBlock: "0.0.0.0/0" }),
  "brokers without public addresses": access("DISABLED"),
  "brokers that say nothing of it": brokers(),
  "a private database": database({ publiclyAccessible: false }),
  "a private database, as text": database({ publiclyAccessible: "false" }),
  "an ACL for nobody": planned(ACL, { acl: "private" }),
  "a grant to who writes S3's logs": grantTo(LOG_DELIVERY),
  "a bucket that is closed": planned(BLOCK, { ...blocked, blockPublicPolicy: "true" }),
  "a server without an address": server(address(false)),
  "a server with an interface that is not made yet": server({
    primaryNetworkInterface: { networkInterfaceId: UNKNOWN_VALUE },
  }),
  "a template without an address": template({ networkInterfaces: [address("false")] }),
  "an address for a gateway": planned("aws:ec2/eip:Eip", { domain: "vpc" }),
  "a load balancer inside": planned(BALANCER, { internal: true, subnets: UNKNOWN_VALUE }),
  "a function for a service": planned(PERMISSION, {
    principal: "events.amazonaws.com",
    sourceArn: UNKNOWN_VALUE,
  }),
  "a function for whoever is of our account": planned(PERMISSION, {
    principal: "*",
    sourceAccount: "123456789012",
  }),
  "the API, which is called from outside": planned("aws:apigateway/restApi:RestApi", {
    policy: UNKNOWN_VALUE,
  }),
});

describe("the gate, over variations of exposure:", () => {
  for (const [what, resource] of Object.entries(open))
    for (const preset of ["development", "production"] as const)
      it(`${preset} refuses ${what}`, async () => {
        const { refused } = await gate([factsOf({ preset, environment: preset }), resource]);
        expect(refused.map(({ policy }) => policy)).to.include("no-public-exposure");
      });

  for (const [what, resource] of Object.entries(closed))
    it(`takes ${what}`, async () => {
      expect((await gate([factsOf(), resource])).refused).to.deep.equal([]);
    });

  it("refuses tasks with public addresses, and takes those without", async () => {
    const addressed = (assignPublicIp: unknown) => service({ networkConfiguration: { assignPublicIp } });
    expect((await gate([factsOf(), task(), addressed(false)])).refused).to.deep.equal([]);
    for (const isAssigned of [true, "true", UNKNOWN_VALUE]) {
      const { refused } = await gate([factsOf(), task(), addressed(isAssigned)]);
      expect(refused.map(({ policy }) => policy)).to.deep.equal(["no-public-exposure"]);
    }
  });

  // Of types without a price: they are refused twice.
  for (const [type, props] of [
    ["aws:lambda/functionUrl:FunctionUrl", { authorizationType: "NONE" }],
    ["aws:lambda/functionUrl:FunctionUrl", { authorizationType: UNKNOWN_VALUE }],
    ["aws:rds/snapshot:Snapshot", { sharedAccounts: ["all"] }],
    ["aws:rds/snapshot:Snapshot", { sharedAccounts: UNKNOWN_VALUE }],
    ["aws:ec2/amiLaunchPermission:AmiLaunchPermission", { group: "all" }],
    ["aws:s3/bucketObjectv2:BucketObjectv2", { acl: "public-read" }],
    ["aws:ecr/repositoryPolicy:RepositoryPolicy", { policy: JSON.stringify(allowing("*")) }],
    ["aws:ecrpublic/repository:Repository", {}],
  ] as const)
    it(`refuses ${type} by ${JSON.stringify(props)}`, async () => {
      const { refused } = await gate([factsOf(), planned(type, props)]);
      expect(refused.map(({ policy }) => policy)).to.include("no-public-exposure");
    });
});
