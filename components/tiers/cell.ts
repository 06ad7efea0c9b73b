import * as postgresql from "@pulumi/postgresql";
import * as pulumi from "@pulumi/pulumi";
import type { Target } from "../target.ts";
import { CELL_DATABASE, INGEST_ROLE, QUERY_ROLE, type CellAccess } from "./cell-login.ts";
import { cellProvider } from "./cell-provider.ts";
import { READER_IDLE_TIMEOUT_MS, READER_STATEMENT_TIMEOUT_MS } from "./reader-limits.ts";

export interface CellArgs {
  readonly target: Target;
  /** Superuser's URL of a server that is there already; a secret. */
  readonly url: pulumi.Output<string> | undefined;
  /** A protected cell cannot be deleted: an `up` of its own lifts that first. */
  readonly isProtected: boolean;
}

// A handler host has one pool; two hosts overlap during a release. Lower: the second one starves. Higher: the
// connections eat the 200 of the server, and with them the tenants' own readers.
const INGEST_CONNECTIONS = 40;
const QUERY_CONNECTIONS = 60;

/** One time-series database with the roles that write and read for all its tenants. Holds no tenant yet. */
export class Cell extends pulumi.ComponentResource {
  readonly access: pulumi.Output<CellAccess>;
  readonly sslmode: pulumi.Output<string>;
  /** See CellServer. */
  readonly instanceIds: pulumi.Output<readonly string[]> | undefined;
  readonly provider: postgresql.Provider;
  /** Set where deleting the server makes it needless to delete what is in it. */
  readonly container: pulumi.Resource | undefined;

  constructor(
    name: string,
    { target, url, isProtected: protect }: CellArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("millwright:tiers:Cell", name, {}, opts);
    const server = target.cellServer(name, url, { parent: this, protect });
    this.container = server.container;
    this.provider = cellProvider(name, server, { parent: this });
    const inServer = {
      parent: this,
      provider: this.provider,
      ...(server.container === undefined ? {} : { deletedWith: server.container }),
    };

    const database = new postgresql.Database(name, { name: CELL_DATABASE }, { ...inServer, protect });
    // PUBLIC may connect to a new database and make temporary tables in it: a tenant's login gets in by its own grant.
    const everybody = { database: database.name, role: "public" };
    new postgresql.Grant(
      `${name}-database-closed`,
      { ...everybody, objectType: "database", privileges: [] },
      inServer,
    );
    // TimescaleDB's functions live in schema public: use them, create nothing.
    new postgresql.Grant(
      `${name}-public-closed`,
      { ...everybody, objectType: "schema", schema: "public", privileges: ["USAGE"] },
      inServer,
    );

    const ingestPassword = target.secret(`${name}-ingest`, { parent: this });
    const queryPassword = target.secret(`${name}-query`, { parent: this });
    const ingest = new postgresql.Role(
      `${name}-ingest`,
      { name: INGEST_ROLE, login: true, password: ingestPassword, connectionLimit: INGEST_CONNECTIONS },
      inServer,
    );
    // Inherits nothing: a query sees rows only after `set role` to one tenant's reader.
    const query = new postgresql.Role(
      `${name}-query`,
      {
        name: QUERY_ROLE,
        login: true,
        inherit: false,
        password: queryPassword,
        connectionLimit: QUERY_CONNECTIONS,
        statementTimeout: READER_STATEMENT_TIMEOUT_MS,
        idleInTransactionSessionTimeout: READER_IDLE_TIMEOUT_MS,
      },
      inServer,
    );
    for (const [part, role] of [
      ["ingest", ingest],
      ["query", query],
    ] as const) {
      const connect = { database: database.name, objectType: "database", privileges: ["CONNECT"] };
      new postgresql.Grant(`${name}-${part}-connect`, { ...connect, role: role.name }, inServer);
    }

    this.sslmode = server.sslmode;
    this.instanceIds = server.instanceIds;
    this.access = pulumi.secret({
      host: server.host,
      port: server.port,
      database: database.name,
      admin: { user: server.user, password: server.password },
      ingest: { user: ingest.name, password: ingestPassword },
      query: { user: query.name, password: queryPassword },
      ...(server.certificate === undefined ? {} : { tls: { ca: server.certificate } }),
    });
    this.registerOutputs({ access: this.access });
  }
}
