import type * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { externalCellServer } from "../local/external-server.ts";
import { LocalProvider } from "../local/local-provider.ts";
import { RandomSecret } from "../local/random-secret.ts";
import type { CellServer, Target } from "../target.ts";
import { StoredSecret } from "./stored-secret.ts";
import { Timescale, type TimescalePlace } from "./timescale.ts";

export interface AwsTargetArgs {
  /** The stack's own, with its region and tags. */
  readonly provider: aws.Provider;
  readonly place: TimescalePlace;
  /** Cells whose second server is the primary since a recovery (docs/runbooks/timescale-on-aws.md). */
  readonly promotedCells: readonly string[];
  /** Of the secrets ({@link RandomSecret}); 0 when left out. */
  readonly rotation?: number;
}

/** Builds on AWS: a cell is TimescaleDB on EC2, a secret lies in Secrets Manager too. */
export function awsTarget({ provider, place, promotedCells, rotation = 0 }: AwsTargetArgs): Target {
  const random = new LocalProvider("random");
  const randomSecret = (name: string, parent: pulumi.Resource | undefined) =>
    new RandomSecret(name, { rotation }, { provider: random, ...(parent === undefined ? {} : { parent }) })
      .value;
  return {
    cellServer(name, url, { parent, protect = false }): CellServer {
      if (url !== undefined) return externalCellServer(url);
      const logins = {
        admin: randomSecret(`${name}-admin`, parent),
        replicator: randomSecret(`${name}-replicator`, parent),
        pooler: randomSecret(`${name}-pooler`, parent),
      };
      const primary = promotedCells.includes(name) ? "b" : "a";
      const server = new Timescale(
        name,
        { place, logins, primary, isProtected: protect },
        { providers: [provider], ...(parent === undefined ? {} : { parent }) },
      );
      const { host, port, user, password, certificate, instanceIds, container } = server;
      return {
        ...{ host, password, certificate, instanceIds, container },
        port: pulumi.output(port),
        user: pulumi.output(user),
        sslmode: pulumi.output("require"),
      };
    },
    secret(name, { parent }) {
      const value = randomSecret(name, parent);
      new StoredSecret(
        name,
        { scope: place.scope, kmsKeyArn: place.secretsKeyArn, value },
        { providers: [provider], ...(parent === undefined ? {} : { parent }) },
      );
      return value;
    },
  };
}
