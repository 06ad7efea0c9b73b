import * as pulumi from "@pulumi/pulumi";

/**
 * The plugin in providers/millwright. Always this explicit one: the default provider of a package takes over the
 * stack's config of the same namespace, which is ours and holds secrets.
 */
export class LocalProvider extends pulumi.ProviderResource {
  constructor(name: string, opts?: pulumi.ResourceOptions) {
    super("millwright", name, {}, opts);
  }
}
