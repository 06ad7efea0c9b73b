import * as pulumi from "@pulumi/pulumi";
import type { AwsSettings } from "../../model/aws/settings.ts";
import { bucketName, type AwsScope } from "./names.ts";
import { PrivateBucket } from "./private-bucket.ts";

export interface ObjectStoreArgs {
  readonly scope: AwsScope;
  readonly accountId: pulumi.Input<string>;
  readonly kmsKeyArn: pulumi.Input<string>;
  readonly lifecycle: AwsSettings["archive"];
  readonly isProtected: boolean;
}

const ACCESS_LOG_DAYS = 365;

/** The archive of series, the backups of databases, and who read what. */
export class ObjectStore extends pulumi.ComponentResource {
  readonly archive: PrivateBucket;
  /** Of pgBackRest, which deletes by its own retention: no lifecycle may move or end what it still needs. */
  readonly backups: PrivateBucket;
  readonly accessLogs: PrivateBucket;

  constructor(name: string, args: ObjectStoreArgs, opts?: pulumi.ComponentResourceOptions) {
    super("millwright:aws:ObjectStore", name, {}, opts);
    const { scope, accountId, kmsKeyArn, lifecycle, isProtected } = args;
    const nameOf = (part: string) =>
      pulumi.output(accountId).apply((account) => bucketName(scope, part, account));
    const child = { parent: this };

    this.accessLogs = new PrivateBucket(
      `${name}-access-logs`,
      {
        bucketName: nameOf("access-logs"),
        kmsKeyArn: undefined, // S3 cannot write its log with a key of ours
        accessLogBucket: undefined,
        rules: [{ id: "old-logs", status: "Enabled", filter: {}, expiration: { days: ACCESS_LOG_DAYS } }],
        statements: (arn) => [logDelivery(arn)],
        isProtected,
      },
      child,
    );
    const encrypted = { kmsKeyArn, accessLogBucket: this.accessLogs.bucketName, isProtected };
    this.archive = new PrivateBucket(
      `${name}-archive`,
      { ...encrypted, bucketName: nameOf("archive"), rules: [archiveRule(lifecycle)] },
      child,
    );
    this.backups = new PrivateBucket(
      `${name}-backups`,
      { ...encrypted, bucketName: nameOf("backups"), rules: [] },
      child,
    );
    this.registerOutputs({ archive: this.archive.bucketName, backups: this.backups.bucketName });
  }
}

/** Objects under 128 KB stay where they are (S3's rule for all classes): the archive writes bigger files. */
function archiveRule({
  infrequentAccessAfterDays,
  glacierAfterDays,
  deepArchiveAfterDays,
}: AwsSettings["archive"]) {
  return {
    id: "colder",
    status: "Enabled",
    filter: {},
    transitions: [
      { days: infrequentAccessAfterDays, storageClass: "STANDARD_IA" },
      { days: glacierAfterDays, storageClass: "GLACIER" },
      { days: deepArchiveAfterDays, storageClass: "DEEP_ARCHIVE" },
    ],
  };
}

function logDelivery(arn: string) {
  return {
    Sid: "LogDelivery",
    Effect: "Allow",
    Principal: { Service: "logging.s3.amazonaws.com" },
    Action: "s3:PutObject",
    Resource: `${arn}/*`,
  };
}
