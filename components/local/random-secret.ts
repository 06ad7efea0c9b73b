import * as pulumi from "@pulumi/pulumi";

/** A random secret that lives in the encrypted state alone, made by the plugin in providers/millwright. */
export class RandomSecret extends pulumi.CustomResource {
  declare readonly value: pulumi.Output<string>;

  constructor(name: string, opts: pulumi.CustomResourceOptions) {
    const secrets = { additionalSecretOutputs: ["value"] };
    super("millwright:index:Secret", name, { value: undefined }, pulumi.mergeOptions(opts, secrets));
  }
}
