import { expect } from "chai";
import { ObjectStore } from "../../../components/aws/object-store.ts";
import { AWS_PRESETS } from "../../../model/aws/settings.ts";
import { mockAws } from "../../support/aws-mocks.ts";

const KEY = "arn:aws:kms:us-east-1:123456789012:key/data";
const BUCKETS = ["store-access-logs", "store-archive", "store-backups"];

describe("ObjectStore", () => {
  const created = mockAws();

  async function makeStore() {
    new ObjectStore(
      "store",
      {
        scope: { environment: "production", tenant: undefined },
        accountId: "123456789012",
        kmsKeyArn: KEY,
        lifecycle: AWS_PRESETS.production.archive,
        isProtected: true,
      },
      created.watched,
    );
    return created.settled();
  }

  it("makes protected buckets that stay when the stack goes, and that carry the account's number", async () => {
    const resources = await makeStore();
    const buckets = resources.ofType("aws:s3/bucket:Bucket");
    expect(buckets.map(({ name }) => name)).to.have.members(BUCKETS);
    for (const { inputs, options } of buckets) {
      expect(inputs["bucket"]).to.match(/^millwright-production-shared-[a-z-]+-123456789012$/);
      expect(options?.protect).to.equal(true);
      expect(options?.retainOnDelete).to.equal(true);
    }
    expect(resources.orphans()).to.deep.equal([]);
  });

  it("closes each to the public and to plain connections, and keeps versions", async () => {
    const resources = await makeStore();
    for (const name of BUCKETS) {
      const { bucket, ...blocks } = resources.get(
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        name,
      ).inputs;
      expect(bucket).to.be.a("string");
      expect(Object.values(blocks)).to.deep.equal([true, true, true, true]);
      const policy = resources.get("aws:s3/bucketPolicy:BucketPolicy", name).inputs["policy"] as string;
      const [tlsOnly] = (JSON.parse(policy) as { Statement: Record<string, unknown>[] }).Statement;
      expect(tlsOnly).to.deep.include({ Effect: "Deny", Principal: "*" });
      expect(tlsOnly?.["Condition"]).to.deep.equal({ Bool: { "aws:SecureTransport": "false" } });
      const versioning = resources.get("aws:s3/bucketVersioning:BucketVersioning", name).inputs;
      expect(versioning["versioningConfiguration"]).to.deep.equal({ status: "Enabled" });
    }
  });

  it("encrypts with our key what S3 does not write itself, and logs who reads it", async () => {
    const resources = await makeStore();
    const algorithmOf = (name: string) =>
      JSON.stringify(
        resources.get(
          "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
          name,
        ).inputs["rules"],
      );
    for (const name of ["store-archive", "store-backups"]) {
      expect(algorithmOf(name)).to.include("aws:kms").and.include(KEY);
      const log = resources.get("aws:s3/bucketLogging:BucketLogging", name).inputs;
      expect(log["targetBucket"]).to.equal("millwright-production-shared-access-logs-123456789012");
    }
    expect(algorithmOf("store-access-logs")).to.include("AES256");
  });

  it("makes the archive colder after 30, 90 and 365 days, and never the backups", async () => {
    const resources = await makeStore();
    const rulesOf = (name: string) =>
      resources.get("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration", name).inputs[
        "rules"
      ] as { id: string; transitions?: unknown; expiration?: unknown }[];
    expect(rulesOf("store-archive").find(({ id }) => id === "colder")?.transitions).to.deep.equal([
      { days: 30, storageClass: "STANDARD_IA" },
      { days: 90, storageClass: "GLACIER" },
      { days: 365, storageClass: "DEEP_ARCHIVE" },
    ]);
    for (const { transitions, expiration } of rulesOf("store-backups"))
      expect([transitions, expiration]).to.deep.equal([undefined, undefined]);
  });
});
