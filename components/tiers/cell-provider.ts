import * as postgresql from "@pulumi/postgresql";
import type * as pulumi from "@pulumi/pulumi";

/** Superuser access to a server. */
export interface CellAdmin {
  readonly host: pulumi.Input<string>;
  readonly port: pulumi.Input<number>;
  readonly user: pulumi.Input<string>;
  readonly password: pulumi.Input<string>;
  readonly sslmode: pulumi.Input<string>;
}

/** The provider through which everything in one cell is made. */
export function cellProvider(
  name: string,
  { host, port, user, password, sslmode }: CellAdmin,
  opts: pulumi.ResourceOptions,
): postgresql.Provider {
  const args = { host, port, username: user, password, sslmode, database: "postgres", connectTimeout: 20 };
  return new postgresql.Provider(name, args, opts);
}
