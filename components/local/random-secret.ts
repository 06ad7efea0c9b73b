import * as pulumi from "@pulumi/pulumi";

export interface RandomSecretArgs {
  /** With another one the value is made anew; 0, the default: as it was first made. */
  readonly rotation?: number;
}

/** A random secret that lives in the encrypted state alone, made by the plugin in providers/millwright. */
export class RandomSecret extends pulumi.CustomResource {
  declare readonly value: pulumi.Output<string>;

  constructor(name: string, { rotation = 0 }: RandomSecretArgs, opts: pulumi.CustomResourceOptions) {
    const secrets = { additionalSecretOutputs: ["value"] };
    // 0 is left out: secrets of stacks that are older than rotations have no such input, and stay.
    const inputs = rotation === 0 ? {} : { rotation };
    super(
      "millwright:index:Secret",
      name,
      { ...inputs, value: undefined },
      pulumi.mergeOptions(opts, secrets),
    );
  }
}
