import * as postgresql from "@pulumi/postgresql";
import * as pulumi from "@pulumi/pulumi";
import { tenantNames, type TenantId } from "../../model/tenant.ts";
import type { CellAccess, CellLogin } from "./cell-login.ts";
import { READER_IDLE_TIMEOUT_MS, READER_STATEMENT_TIMEOUT_MS } from "./reader-limits.ts";

export interface TenantArgs {
  readonly tenantId: TenantId;
  /** Superuser access to the cell that the tenant lives in, shared or dedicated. */
  readonly provider: postgresql.Provider;
  /** Names the cell's database and roles; what is made in them waits for them, and goes before them. */
  readonly access: pulumi.Output<CellAccess>;
  /** The tenant's own server, if it has one: its roles and schema go down with it. */
  readonly container: pulumi.Resource | undefined;
  /** A secret, the same in every cell of the tenant: when it moves, its own tools change the host and nothing else. */
  readonly readerPassword: pulumi.Output<string>;
  /** Lifted by an `up` of its own before a delete: the engine refuses to destroy what is protected. */
  readonly isProtected: boolean;
}

// Direct readers (Grafana) share the server with the neighbours. A lower limit breaks dashboards with many panels,
// a higher one lets a single tenant take the connections of all.
const READER_CONNECTIONS = 10;

/**
 * One tenant in a cell: schema, roles, grants. The tables come later and from elsewhere (data/cell, as the owner
 * role); what they grant to whom is settled here, before the first one exists.
 */
export class Tenant extends pulumi.ComponentResource {
  /** Login for the tenant's own tools, read only. */
  readonly reader: pulumi.Output<CellLogin>;
  readonly schema: pulumi.Output<string>;

  constructor(name: string, args: TenantArgs, opts?: pulumi.ComponentResourceOptions) {
    super("millwright:tiers:Tenant", name, {}, opts);
    const { provider, access, container, readerPassword: password, isProtected: protect } = args;
    const database = pulumi.unsecret(access.database);
    const names = tenantNames(args.tenantId);
    const inCell = { parent: this, provider, ...(container === undefined ? {} : { deletedWith: container }) };

    // No login: the Timescale License lets us offer the community edition only if tenants cannot run DDL.
    const owner = new postgresql.Role(`${name}-owner`, { name: names.owner, login: false }, inCell);
    // No login either: the handlers write as millwright_ingest, which inherits every tenant's writer.
    const writer = new postgresql.Role(`${name}-writer`, { name: names.writer, login: false }, inCell);
    const reader = new postgresql.Role(
      `${name}-reader`,
      {
        name: names.reader,
        login: true,
        password,
        connectionLimit: READER_CONNECTIONS,
        statementTimeout: READER_STATEMENT_TIMEOUT_MS,
        idleInTransactionSessionTimeout: READER_IDLE_TIMEOUT_MS,
        searchPaths: [names.schema],
      },
      inCell,
    );
    const schema = new postgresql.Schema(
      name,
      // Cascade: the tables in it are none of this stack's resources. Protection is what guards them.
      { name: names.schema, database, owner: owner.name, dropCascade: true },
      { ...inCell, protect },
    );

    const onDatabase = { database, objectType: "database", privileges: ["CONNECT"] };
    new postgresql.Grant(`${name}-connect`, { ...onDatabase, role: reader.name }, inCell);

    const members = {
      writer: pulumi.unsecret(access.ingest.user),
      reader: pulumi.unsecret(access.query.user),
    };
    const tablePrivileges = { writer: ["SELECT", "INSERT"], reader: ["SELECT"] };
    for (const [part, role] of Object.entries({ writer, reader }) as [
      "writer" | "reader",
      postgresql.Role,
    ][]) {
      const inSchema = { database, schema: schema.name, role: role.name };
      new postgresql.Grant(
        `${name}-${part}-usage`,
        { ...inSchema, objectType: "schema", privileges: ["USAGE"] },
        inCell,
      );
      new postgresql.DefaultPrivileges(
        `${name}-${part}-tables`,
        { ...inSchema, owner: owner.name, objectType: "table", privileges: tablePrivileges[part] },
        inCell,
      );
      new postgresql.GrantRole(
        `${name}-${part}-member`,
        { role: members[part], grantRole: role.name },
        inCell,
      );
    }

    this.schema = schema.name;
    this.reader = pulumi.secret({ user: reader.name, password });
    this.registerOutputs({ schema: this.schema, reader: this.reader });
  }
}
