import * as pulumi from "@pulumi/pulumi";
import type { CellServer } from "../target.ts";

/** Address of a PostgreSQL server that somebody else runs, from its URL. */
export interface ExternalServer {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly sslmode: string;
}

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[?::1\]?)$/;

/**
 * Reads `postgres://superuser:password@host:port?sslmode=…`; whatever database it names, a cell gets its own.
 * Off this machine the connection is encrypted unless the URL says otherwise.
 * @throws RangeError that does not repeat the URL: it holds a password
 */
export function externalServer(url: string): ExternalServer {
  const parsed = URL.parse(url);
  if (parsed === null || !/^postgres(ql)?:$/.test(parsed.protocol) || parsed.hostname === "") {
    throw new RangeError(
      "the URL of the cell's server is not of the form postgres://user:password@host:port",
    );
  }
  if (parsed.username === "" || parsed.password === "") {
    throw new RangeError("the URL of the cell's server names no superuser or no password");
  }
  const host = decodeURIComponent(parsed.hostname);
  return {
    host,
    port: parsed.port === "" ? 5432 : Number(parsed.port),
    user: decodeURIComponent(parsed.username),
    password: decodeURIComponent(parsed.password),
    sslmode: parsed.searchParams.get("sslmode") ?? (LOOPBACK.test(host) ? "disable" : "require"),
  };
}

/** The same as a cell's server; only its password is a secret. We never delete it. */
export function externalCellServer(url: pulumi.Output<string>): CellServer {
  const server = pulumi.secret(url).apply(externalServer);
  return {
    host: pulumi.unsecret(server.host),
    port: pulumi.unsecret(server.port),
    user: pulumi.unsecret(server.user),
    password: server.password,
    sslmode: pulumi.unsecret(server.sslmode),
    certificate: undefined,
    instanceIds: undefined,
    container: undefined,
  };
}
