import path from "node:path";
import * as pulumi from "@pulumi/pulumi";
import type { CellServer, Target } from "../target.ts";
import { LocalCellServer } from "./cell-server.ts";
import { externalCellServer } from "./external-server.ts";
import { LocalProvider } from "./local-provider.ts";
import { RandomSecret } from "./random-secret.ts";

/**
 * Builds on this machine: a cell is a PostgreSQL cluster in `HOME/cells/NAME`.
 * @param home - absolute folder of the installation
 * @param rotation - of the secrets ({@link RandomSecret})
 */
export function localTarget(home: string, rotation = 0): Target {
  const provider = new LocalProvider("local");
  return {
    cellServer(name, url, opts): CellServer {
      if (url === undefined) {
        const server = new LocalCellServer(
          name,
          { folder: path.join(home, "cells", name) },
          { ...opts, provider },
        );
        const { host, port, user, password } = server;
        return {
          ...{ host, port, user, password, sslmode: pulumi.output("disable") },
          ...{ certificate: undefined, instanceIds: undefined, container: server },
        };
      }
      return externalCellServer(url);
    },
    secret: (name, opts) => new RandomSecret(name, { rotation }, { ...opts, provider }).value,
  };
}
