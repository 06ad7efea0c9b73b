import * as pulumi from "@pulumi/pulumi";
import { LocalProvider } from "../local/local-provider.ts";
import { RandomSecret } from "../local/random-secret.ts";
import type { AwsScope } from "./names.ts";
import { StoredSecret } from "./stored-secret.ts";

export interface FunctionSecretsArgs {
  readonly scope: AwsScope;
  readonly kmsKeyArn: pulumi.Input<string>;
  readonly catalog: Readonly<Record<"host" | "database", pulumi.Input<string>>> & {
    readonly port: pulumi.Input<number>;
  };
}

/** Of the catalog (data/catalog/catalog.ts), for work that crosses tenants. */
const SERVICE_LOGIN = "millwright_service";

/** What all functions of an environment read at their start. */
export class FunctionSecrets extends pulumi.ComponentResource {
  /** By the setting that names the secret to a function. */
  readonly arns: Readonly<Record<"CATALOG_SECRET" | "CHANNEL_KEY_SECRET", pulumi.Output<string>>>;
  /** Of the catalog's login: another one after each rotation. */
  readonly catalogVersionId: pulumi.Output<string>;

  constructor(name: string, args: FunctionSecretsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("millwright:aws:FunctionSecrets", name, {}, opts);
    const { scope, kmsKeyArn } = args;
    const { host, port, database } = args.catalog; // a whole component may stand there
    const provider = new LocalProvider(`${name}-random`, { parent: this });
    const stored = (
      part: string,
      valueOf: (random: pulumi.Output<string>) => object,
      place: { readonly storedName?: string } = {},
    ) => {
      const { value } = new RandomSecret(`${name}-${part}`, {}, { parent: this, provider });
      const secretArgs = { scope, kmsKeyArn, value: pulumi.jsonStringify(valueOf(value)), ...place };
      return new StoredSecret(`${name}-${part}`, secretArgs, { parent: this });
    };
    const login = stored("catalog", (password) => ({
      ...{ host, port, database, user: SERVICE_LOGIN, password, tls: {} },
    }));
    const channelKey = stored(
      "channel-key",
      // 256 bits, as data/seal.ts takes them: base64 with its padding.
      (random) => ({ key: random.apply((text) => Buffer.from(text, "base64url").toString("base64")) }),
      { storedName: "channel-key" }, // the service seals what the functions open
    );
    this.arns = { CATALOG_SECRET: login.arn, CHANNEL_KEY_SECRET: channelKey.arn };
    this.catalogVersionId = login.versionId;
    this.registerOutputs({ arns: this.arns });
  }
}
