import * as pulumi from "@pulumi/pulumi";
import type { AwsScope } from "../../components/aws/names.ts";
import { StoredSecret } from "../../components/aws/stored-secret.ts";
import { POOLER_PORT } from "../../components/aws/timescale/user-data.ts";
import type { CellAccess } from "../../components/tiers/cell-login.ts";

export interface IngestLoginArgs {
  readonly scope: AwsScope;
  readonly kmsKeyArn: pulumi.Input<string>;
  readonly cell: string;
  readonly access: pulumi.Output<CellAccess>;
  /** A server of ours has a pooler, which is all that functions may reach. */
  readonly isOurServer: boolean;
}

/** Keeps what a function that fills `cell` logs in with; answers the secret's ARN. */
export function storeIngestLogin(
  { scope, kmsKeyArn, cell, access, isOurServer }: IngestLoginArgs,
  opts: pulumi.ComponentResourceOptions,
): pulumi.Output<string> {
  const value = access.apply(({ host, port, database, ingest, tls = {} }) =>
    JSON.stringify({ host, port: isOurServer ? POOLER_PORT : port, database, ...ingest, tls }),
  );
  return new StoredSecret(`${cell}-ingest-login`, { scope, kmsKeyArn, value }, opts).arn;
}
