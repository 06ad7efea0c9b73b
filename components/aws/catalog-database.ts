import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { AwsSettings } from "../../model/aws/settings.ts";
import { awsName, type AwsScope } from "./names.ts";

export interface CatalogDatabaseArgs {
  readonly settings: AwsSettings["catalog"];
  readonly scope: AwsScope;
  /** In at least two zones, also for a single one: it may become Multi-AZ. */
  readonly subnetIds: pulumi.Input<pulumi.Input<string>[]>;
  readonly securityGroupId: pulumi.Input<string>;
  readonly kmsKeyArn: pulumi.Input<string>;
  readonly secretsKeyArn: pulumi.Input<string>;
  readonly isProtected: boolean;
}

const POSTGRES_MAJOR = "17";
const DATABASE = "millwright";
const ADMIN = "millwright_admin";

/** The catalog on RDS. RDS has no TimescaleDB: series never live here. */
export class CatalogDatabase extends pulumi.ComponentResource {
  readonly host: pulumi.Output<string>;
  readonly port: pulumi.Output<number>;
  readonly database: pulumi.Output<string>;
  /** For IAM's `rds-db:connect`: tokens of 15 minutes instead of passwords. */
  readonly resourceId: pulumi.Output<string>;
  /** Where RDS keeps the administrator's password, which it changes every week by itself. */
  readonly adminSecretArn: pulumi.Output<string>;
  /** For alarms. */
  readonly identifier: pulumi.Output<string>;

  constructor(name: string, args: CatalogDatabaseArgs, opts?: pulumi.ComponentResourceOptions) {
    super("millwright:aws:CatalogDatabase", name, {}, opts);
    const { scope, settings, isProtected: protect } = args;
    const identifier = awsName("databaseIdentifier", scope, name);
    const subnets = new aws.rds.SubnetGroup(
      name,
      { name: awsName("other", scope, name), subnetIds: args.subnetIds },
      { parent: this },
    );
    const parameters = new aws.rds.ParameterGroup(
      name,
      {
        name: awsName("other", scope, `${name}-${POSTGRES_MAJOR}`),
        family: `postgres${POSTGRES_MAJOR}`,
        parameters: [
          { name: "rds.force_ssl", value: "1" },
          { name: "log_min_duration_statement", value: "1000" },
          { name: "log_lock_waits", value: "1" },
        ],
      },
      { parent: this },
    );
    const instance = new aws.rds.Instance(
      name,
      {
        identifier,
        engine: "postgres",
        engineVersion: POSTGRES_MAJOR,
        autoMinorVersionUpgrade: true,
        instanceClass: settings.instanceClass,
        dbName: DATABASE,
        username: ADMIN,
        manageMasterUserPassword: true,
        masterUserSecretKmsKeyId: args.secretsKeyArn,
        iamDatabaseAuthenticationEnabled: true,
        multiAz: settings.isMultiAz,
        storageType: "gp3",
        allocatedStorage: settings.storageGb,
        maxAllocatedStorage: settings.maxStorageGb,
        storageEncrypted: true,
        kmsKeyId: args.kmsKeyArn,
        dbSubnetGroupName: subnets.name,
        vpcSecurityGroupIds: [args.securityGroupId],
        publiclyAccessible: false,
        parameterGroupName: parameters.name,
        backupRetentionPeriod: settings.backupRetentionDays,
        copyTagsToSnapshot: true,
        deleteAutomatedBackups: false,
        deletionProtection: protect,
        skipFinalSnapshot: false,
        // A second destroy under the same name stops here until the first snapshot is kept or thrown away.
        finalSnapshotIdentifier: `${identifier}-final`,
        databaseInsightsMode: "standard",
        enabledCloudwatchLogsExports: ["postgresql", "upgrade"],
      },
      // RDS grows the storage: what it has by then is not taken back.
      { parent: this, protect, ignoreChanges: ["allocatedStorage"] },
    );
    this.host = instance.address;
    this.port = instance.port;
    this.database = instance.dbName;
    this.resourceId = instance.resourceId;
    this.identifier = instance.identifier;
    this.adminSecretArn = instance.masterUserSecrets.apply((secrets) => secrets[0]?.secretArn ?? "");
    this.registerOutputs({ host: this.host, adminSecretArn: this.adminSecretArn });
  }
}
