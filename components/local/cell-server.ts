import * as pulumi from "@pulumi/pulumi";

export interface LocalCellServerArgs {
  /** Absolute; another folder is another cluster. */
  readonly folder: pulumi.Input<string>;
}

/** A PostgreSQL cluster on this machine, made and deleted by the plugin in providers/millwright. */
export class LocalCellServer extends pulumi.CustomResource {
  declare readonly host: pulumi.Output<string>;
  declare readonly port: pulumi.Output<number>;
  declare readonly user: pulumi.Output<string>;
  declare readonly password: pulumi.Output<string>;

  constructor(name: string, args: LocalCellServerArgs, opts: pulumi.CustomResourceOptions) {
    const computed = { host: undefined, port: undefined, user: undefined, password: undefined };
    const secrets = { additionalSecretOutputs: ["password"] };
    super("millwright:index:Cell", name, { ...args, ...computed }, pulumi.mergeOptions(opts, secrets));
  }
}
