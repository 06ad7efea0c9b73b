import { expect } from "chai";
import { noPublicExposure } from "../../../policy/rules/no-public-exposure.ts";

const check = (type: string, props: Record<string, unknown>) => noPublicExposure.violations({ type, props });
const GROUP = "aws:ec2/securityGroup:SecurityGroup";
const RULE = "aws:ec2/securityGroupRule:SecurityGroupRule";
const BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock";

describe("noPublicExposure", () => {
  it("refuses ingress from everywhere, in each way it can be written", () => {
    expect(
      check(GROUP, { ingress: [{ cidrBlocks: ["10.0.0.0/8"] }, { cidrBlocks: ["0.0.0.0/0"] }] }),
    ).to.have.length(1);
    expect(check(GROUP, { ingress: [{ ipv6CidrBlocks: ["::/0"] }] })).to.have.length(1);
    expect(check(RULE, { type: "ingress", cidrBlocks: ["0.0.0.0/0"] })).to.have.length(1);
    const modern = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule";
    expect(check(modern, { cidrIpv6: "0:0:0:0:0:0:0:0/0" })).to.have.length(1);
  });

  it("allows the way out and ingress from inside", () => {
    expect(check(RULE, { type: "egress", cidrBlocks: ["0.0.0.0/0"] })).to.deep.equal([]);
    expect(check(GROUP, { ingress: [{ cidrBlocks: ["10.0.0.0/8"] }] })).to.deep.equal([]);
  });

  it("refuses a public database and a public bucket", () => {
    expect(check("aws:rds/instance:Instance", { publiclyAccessible: true })).to.have.length(1);
    expect(check("aws:s3/bucketAcl:BucketAcl", { acl: "public-read" })).to.have.length(1);
    expect(check("aws:s3/bucketAcl:BucketAcl", { acl: "private" })).to.deep.equal([]);
  });

  it("refuses an access block that leaves a door open", () => {
    const closed = {
      blockPublicAcls: true,
      blockPublicPolicy: true,
      ignorePublicAcls: true,
      restrictPublicBuckets: true,
    };
    expect(check(BLOCK, closed)).to.deep.equal([]);
    expect(check(BLOCK, { ...closed, ignorePublicAcls: undefined })).to.deep.equal([
      "ignorePublicAcls is off.",
    ]);
  });
});
