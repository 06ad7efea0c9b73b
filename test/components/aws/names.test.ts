import { expect } from "chai";
import fc from "fast-check";
import {
  awsName,
  awsPath,
  awsTags,
  bucketName,
  kafkaSecretName,
  thingName,
  thingPrefix,
  type AwsScope,
  type NameKind,
} from "../../../components/aws/names.ts";
import { tenantId } from "../../../model/tenant.ts";

const ACCOUNT = "123456789012";
const LONGEST = "a".repeat(32);
const MAX: readonly [NameKind, number][] = [
  ["loadBalancer", 32],
  ["bucket", 63],
  ["databaseIdentifier", 63],
  ["function", 64],
  ["kafkaCluster", 64],
  ["role", 64],
  ["queue", 80],
];

const scopeOf = (tenant?: string, environment = "development"): AwsScope => ({
  environment,
  tenant: tenant === undefined ? undefined : tenantId.parse(tenant),
});
const anyTenant = fc
  .stringMatching(/^[a-z][a-z0-9-]{1,30}[a-z0-9]$/)
  .filter((id) => tenantId.safeParse(id).success);
const anyOwner = fc.option(anyTenant, { nil: undefined });
const anyEnvironment = fc.constantFrom("development", "production", "dev");
const anyPart = fc.constantFrom("data", "cell-data", "api", "a", "b-a", "shared-a", "dead-letters");

describe("names on AWS", () => {
  it("are readable where nothing stands against it", () => {
    expect(awsName("kafkaCluster", scopeOf(), "log")).to.equal("millwright-development-shared-log");
    expect(awsName("role", scopeOf("acme", "production"), "ingest")).to.equal(
      "millwright-production-acme-ingest",
    );
    expect(bucketName(scopeOf(), "archive", ACCOUNT)).to.equal(
      `millwright-development-shared-archive-${ACCOUNT}`,
    );
    expect(awsPath(scopeOf("acme"), "ingest")).to.equal("/millwright/development/acme/ingest");
    expect(kafkaSecretName(scopeOf(), "collector")).to.match(/^AmazonMSK_millwright-development-shared-/);
  });

  it("are legal for every kind, also with the longest tenant's id", () => {
    fc.assert(
      fc.property(anyEnvironment, anyOwner, anyPart, (environment, tenant, part) => {
        for (const [kind, maxLength] of MAX) {
          const name = awsName(kind, scopeOf(tenant, environment), part);
          expect(name.length, name).to.be.at.most(maxLength);
          expect(name).to.match(/^[a-z](-?[a-z0-9])*$/); // RDS takes no two dashes together
        }
        expect(bucketName(scopeOf(tenant, environment), part, ACCOUNT).length).to.be.at.most(63);
      }),
    );
  });

  it("differ where environment, owner or part do", () => {
    const identity = fc.tuple(anyEnvironment, anyOwner, anyPart);
    fc.assert(
      fc.property(identity, identity, (one, other) => {
        fc.pre(JSON.stringify(one) !== JSON.stringify(other));
        for (const [kind] of MAX) {
          const [first, second] = [one, other].map(([environment, tenant, part]) =>
            awsName(kind, scopeOf(tenant, environment), part),
          );
          expect(first).not.to.equal(second);
        }
      }),
    );
  });

  it("keep two ids apart that are the same once they are cut", () => {
    const [one, other] = [`${LONGEST.slice(1)}b`, `${LONGEST.slice(1)}c`].map((id) =>
      bucketName(scopeOf(id), "archive", ACCOUNT),
    );
    expect(one).not.to.equal(other);
    expect(one).to.match(/^millwright-development-a+-archive-123456789012-[0-9a-f]{10}$/);
  });

  it("keep an id's dashes apart from a part's, and a tenant apart from what is shared", () => {
    for (const [one, other] of [
      [awsName("role", scopeOf("acme"), "cell-data"), awsName("role", scopeOf("acme-cell"), "data")],
      [awsName("role", scopeOf(), "acme-data"), awsName("role", scopeOf("acme"), "data")],
      [awsName("role", scopeOf("a--b"), "data"), awsName("role", scopeOf("a-b"), "data")],
    ])
      expect(one).not.to.equal(other);
  });

  it("refuse a part that leaves no room", () => {
    expect(() => awsName("loadBalancer", scopeOf("acme-2"), "x".repeat(30))).to.throw(RangeError);
  });

  it("of machines are legal at IoT Core, readable where they can be, and each its own", () => {
    expect(thingName(scopeOf("acme"), 3, "press_1-a")).to.equal("millwright-development:acme:3:press_1-a");
    const anyMachine = fc.stringMatching(/^[\w.:-]{1,128}$/);
    const anyGeneration = fc.integer({ min: 1, max: 127 });
    const identity = fc.tuple(anyEnvironment, anyTenant, anyGeneration, anyMachine);
    fc.assert(
      fc.property(identity, identity, (one, other) => {
        const [first, second] = [one, other].map(([environment, tenant, generation, machineId]) => {
          const name = thingName(scopeOf(tenant, environment), generation, machineId);
          expect(name).to.match(/^[a-zA-Z0-9:_-]{1,128}$/);
          expect(name.startsWith(thingPrefix({ environment }))).to.equal(true);
          return name;
        });
        expect(first === second).to.equal(JSON.stringify(one) === JSON.stringify(other));
      }),
    );
  });

  it("go with the tags that the bill is split by", () => {
    expect(awsTags(scopeOf("acme"), "plants")).to.deep.equal({
      ...{ project: "millwright", environment: "development" },
      ...{ tenant: "acme", costCenter: "plants" },
    });
    expect(awsTags(scopeOf(), "plants")["tenant"]).to.equal("shared");
  });
});
