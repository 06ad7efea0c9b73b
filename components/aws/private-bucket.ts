import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

export interface PrivateBucketArgs {
  /** Computed by names.ts: it holds the account's number. */
  readonly bucketName: pulumi.Input<string>;
  /** undefined: S3's own keys, for what S3 writes itself. */
  readonly kmsKeyArn: pulumi.Input<string> | undefined;
  /** Where its access log goes; undefined for the log's own bucket. */
  readonly accessLogBucket: pulumi.Input<string> | undefined;
  /** Besides what every bucket has: the end of old versions and of uploads that nobody finished. */
  readonly rules: readonly aws.types.input.s3.BucketLifecycleConfigurationRule[];
  /** Besides the refusal of unencrypted connections. */
  readonly statements?: (bucketArn: string) => readonly object[];
  readonly isProtected: boolean;
}

// How long what was overwritten or deleted can be brought back. Shorter: a mistake of Friday is final on Monday week.
// Longer: every backup that has expired is paid twice.
const OLD_VERSION_DAYS = 30;
const UNFINISHED_UPLOAD_DAYS = 7;

/** A bucket that is reached by TLS and IAM alone, encrypted, with versions; it stays when its stack goes. */
export class PrivateBucket extends pulumi.ComponentResource {
  readonly bucketName: pulumi.Output<string>;
  readonly arn: pulumi.Output<string>;

  constructor(name: string, args: PrivateBucketArgs, opts?: pulumi.ComponentResourceOptions) {
    super("millwright:aws:PrivateBucket", name, {}, opts);
    const { kmsKeyArn, accessLogBucket, statements = () => [], isProtected: protect } = args;
    const inBucket = { parent: this };
    const kept = { parent: this, protect, retainOnDelete: true };
    const bucket = new aws.s3.Bucket(name, { bucket: args.bucketName }, kept);
    this.bucketName = bucket.bucket;
    this.arn = bucket.arn;

    const closed = new aws.s3.BucketPublicAccessBlock(
      name,
      {
        bucket: bucket.bucket,
        blockPublicAcls: true,
        blockPublicPolicy: true,
        ignorePublicAcls: true,
        restrictPublicBuckets: true,
      },
      inBucket,
    );
    new aws.s3.BucketOwnershipControls(
      name,
      { bucket: bucket.bucket, rule: { objectOwnership: "BucketOwnerEnforced" } },
      inBucket,
    );
    const encryption =
      kmsKeyArn === undefined
        ? { sseAlgorithm: "AES256" }
        : { sseAlgorithm: "aws:kms", kmsMasterKeyId: kmsKeyArn };
    new aws.s3.BucketServerSideEncryptionConfiguration(
      name,
      {
        bucket: bucket.bucket,
        // With a bucket key S3 asks KMS once in a while, and not for each object.
        rules: [
          { applyServerSideEncryptionByDefault: encryption, bucketKeyEnabled: kmsKeyArn !== undefined },
        ],
      },
      inBucket,
    );
    const versioning = new aws.s3.BucketVersioning(
      name,
      { bucket: bucket.bucket, versioningConfiguration: { status: "Enabled" } },
      inBucket,
    );
    // One configuration per bucket: a second one would replace the first.
    new aws.s3.BucketLifecycleConfiguration(
      name,
      {
        bucket: bucket.bucket,
        rules: [
          {
            id: "leftovers",
            status: "Enabled",
            filter: {},
            noncurrentVersionExpiration: { noncurrentDays: OLD_VERSION_DAYS },
            abortIncompleteMultipartUpload: { daysAfterInitiation: UNFINISHED_UPLOAD_DAYS },
          },
          ...args.rules,
        ],
      },
      { ...inBucket, dependsOn: [versioning] },
    );
    new aws.s3.BucketPolicy(
      name,
      {
        bucket: bucket.bucket,
        // Of the name, not of the bucket's output: a policy that is not known before it is made, no preview can judge.
        policy: pulumi.interpolate`arn:aws:s3:::${args.bucketName}`.apply((arn) =>
          bucketPolicy(arn, statements(arn)),
        ),
      },
      { ...inBucket, dependsOn: [closed] },
    );
    if (accessLogBucket !== undefined)
      new aws.s3.BucketLogging(
        name,
        { bucket: bucket.bucket, targetBucket: accessLogBucket, targetPrefix: `${name}/` },
        inBucket,
      );
    this.registerOutputs({ bucketName: this.bucketName, arn: this.arn });
  }
}

function bucketPolicy(arn: string, statements: readonly object[]): string {
  const tlsOnly = {
    Sid: "TlsOnly",
    Effect: "Deny",
    Principal: "*", // a refusal: everybody and everything
    Action: "s3:*",
    Resource: [arn, `${arn}/*`],
    Condition: { Bool: { "aws:SecureTransport": "false" } },
  };
  return JSON.stringify({ Version: "2012-10-17", Statement: [tlsOnly, ...statements] });
}
