import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { awsName, storedSecretPrefix, type AwsScope } from "./names.ts";

export interface StoredSecretArgs {
  readonly scope: AwsScope;
  readonly kmsKeyArn: pulumi.Input<string>;
  readonly value: pulumi.Input<string>;
  /** Under this name the service finds it in its own store (data/secret-store.ts); left out, nobody looks for it there. */
  readonly storedName?: string;
}

// A name is free again when the wait is over. Shorter: a secret that was deleted by mistake is gone.
const RECOVERY_DAYS = 7;

/** A value in Secrets Manager, for what runs in AWS; the stack's state holds it too, encrypted. */
export class StoredSecret extends pulumi.ComponentResource {
  readonly arn: pulumi.Output<string>;
  /** Another one after each change. */
  readonly versionId: pulumi.Output<string>;

  constructor(name: string, args: StoredSecretArgs, opts?: pulumi.ComponentResourceOptions) {
    super("millwright:aws:StoredSecret", name, {}, opts);
    const secret = new aws.secretsmanager.Secret(
      name,
      {
        name:
          args.storedName === undefined
            ? awsName("other", args.scope, name)
            : `${storedSecretPrefix(args.scope)}/${args.storedName}`,
        kmsKeyId: args.kmsKeyArn,
        recoveryWindowInDays: RECOVERY_DAYS,
      },
      { parent: this },
    );
    const version = new aws.secretsmanager.SecretVersion(
      name,
      { secretId: secret.arn, secretString: pulumi.secret(args.value) },
      { parent: this },
    );
    this.arn = secret.arn;
    this.versionId = version.versionId;
    this.registerOutputs({ arn: this.arn });
  }
}
