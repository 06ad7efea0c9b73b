import type * as pulumi from "@pulumi/pulumi";

/** An empty PostgreSQL server with a superuser: what a cell is built on. */
export interface CellServer {
  readonly host: pulumi.Output<string>;
  readonly port: pulumi.Output<number>;
  readonly user: pulumi.Output<string>;
  readonly password: pulumi.Output<string>;
  /** `disable` on loopback only. */
  readonly sslmode: pulumi.Output<string>;
  /** The server's certificate in PEM, to pin; undefined where there is no TLS, or an authority that all trust. */
  readonly certificate: pulumi.Output<string> | undefined;
  /** Of the machines as their cloud knows them, the primary's first: where an operation restores. None: not from here. */
  readonly instanceIds: pulumi.Output<readonly string[]> | undefined;
  /** The resource that everything in the server goes down with; undefined where the server is not ours to delete. */
  readonly container: pulumi.Resource | undefined;
}

/** What a tier needs of a cloud, or of the local machine. */
export interface Target {
  /** A server for the cell `name`: a new one, or with `url` one that is there already and that we never delete. */
  readonly cellServer: (
    name: string,
    url: pulumi.Output<string> | undefined,
    opts: pulumi.CustomResourceOptions,
  ) => CellServer;
  /** A random secret, made once: at least 256 bits, only characters that are safe in a URL. */
  readonly secret: (name: string, opts: pulumi.CustomResourceOptions) => pulumi.Output<string>;
}
