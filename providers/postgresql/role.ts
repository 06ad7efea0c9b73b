import type pg from "pg";
import { scramVerifier } from "../../data/scram.ts";
import { resourceType } from "../plugin.ts";
import type { InputsOf, Properties } from "../properties.ts";
import { identifier, literal, unlessGone, type Sessions } from "./session.ts";

const properties = {
  name: { kind: "text", isRequired: true, replaces: true },
  login: { kind: "flag", fallback: false },
  inherit: { kind: "flag", fallback: true },
  superuser: { kind: "flag", fallback: false },
  createDatabase: { kind: "flag", fallback: false },
  createRole: { kind: "flag", fallback: false },
  replication: { kind: "flag", fallback: false },
  bypassRowLevelSecurity: { kind: "flag", fallback: false },
  connectionLimit: { kind: "whole", fallback: -1 },
  password: { kind: "text" },
  searchPaths: { kind: "texts" },
  /** Milliseconds; 0 is no limit. */
  statementTimeout: { kind: "whole", fallback: 0 },
  /** Milliseconds; 0 is no limit. */
  idleInTransactionSessionTimeout: { kind: "whole", fallback: 0 },
} as const;
type RoleInputs = InputsOf<typeof properties>;

/** `postgresql:index/role:Role` */
export const role = resourceType({
  properties,

  async create(sessions: Sessions, inputs) {
    await sessions.transaction(async (tx) => {
      const { rowCount } = await tx.query("select from pg_roles where rolname = $1", [inputs.name]);
      if (rowCount === 0) await tx.query(`create role ${identifier(inputs.name)}`);
      await applyAttributes(tx, inputs, inputs.password);
    });
    return { id: inputs.name, state: inputs };
  },

  async read(sessions: Sessions, state) {
    const { rows } = await sessions.transaction((tx) =>
      tx.query<RoleRow>(
        `select rolcanlogin, rolinherit, rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls,
                rolconnlimit, coalesce(rolconfig, '{}') as rolconfig
           from pg_roles where rolname = $1`,
        [state.name],
      ),
    );
    const row = rows[0];
    if (row === undefined) return undefined;
    const { name, password } = state; // the one thing that cannot be read back
    return { name, ...(password === undefined ? {} : { password }), ...attributesOf(row) };
  },

  async update(sessions: Sessions, state, inputs) {
    const isNewPassword = inputs.password !== state.password;
    await sessions.transaction((tx) =>
      applyAttributes(tx, inputs, isNewPassword ? inputs.password : undefined),
    );
    return inputs;
  },

  async delete(sessions: Sessions, { name }) {
    const { rows } = await sessions.transaction((tx) =>
      tx.query<{ datname: string }>(
        // What a role owns or was granted stands in the way of DROP ROLE, whichever database it lies in.
        `select distinct d.datname
           from pg_roles r
           join pg_shdepend s on s.refclassid = 'pg_authid'::regclass and s.refobjid = r.oid
           join pg_database d on d.oid = s.dbid and d.datallowconn
          where r.rolname = $1`,
        [name],
      ),
    );
    const databases = new Set([...rows.map(({ datname }) => datname), sessions.maintenanceDatabase]);
    for (const database of databases) {
      const disown = async (tx: pg.Client) => {
        const { rowCount } = await tx.query("select from pg_roles where rolname = $1", [name]);
        if (rowCount === 0) return;
        await tx.query(`reassign owned by ${identifier(name)} to current_user`);
        await tx.query(`drop owned by ${identifier(name)}`);
      };
      await unlessGone(sessions.transaction(disown, database)); // the database may go at the same moment
    }
    await sessions.transaction((tx) => tx.query(`drop role if exists ${identifier(name)}`));
  },
});

async function applyAttributes(tx: pg.Client, inputs: RoleInputs, newPassword: string | undefined) {
  const name = identifier(inputs.name);
  const attribute = (isOn: boolean, word: string) => (isOn ? word : `no${word}`);
  const attributes = [
    attribute(inputs.login, "login"),
    attribute(inputs.inherit, "inherit"),
    attribute(inputs.superuser, "superuser"),
    attribute(inputs.createDatabase, "createdb"),
    attribute(inputs.createRole, "createrole"),
    attribute(inputs.replication, "replication"),
    attribute(inputs.bypassRowLevelSecurity, "bypassrls"),
    `connection limit ${inputs.connectionLimit}`,
    ...(newPassword === undefined ? [] : [`password ${literal(scramVerifier(newPassword))}`]),
    ...(inputs.password === undefined ? ["password null"] : []),
  ];
  await tx.query(`alter role ${name} with ${attributes.join(" ")}`);

  const settings = {
    search_path: inputs.searchPaths?.map(identifier).join(", "),
    statement_timeout: inputs.statementTimeout || undefined,
    idle_in_transaction_session_timeout: inputs.idleInTransactionSessionTimeout || undefined,
  };
  for (const [setting, value] of Object.entries(settings)) {
    await tx.query(
      `alter role ${name} ${value === undefined ? `reset ${setting}` : `set ${setting} = ${value}`}`,
    );
  }
}

interface RoleRow {
  readonly rolcanlogin: boolean;
  readonly rolinherit: boolean;
  readonly rolsuper: boolean;
  readonly rolcreatedb: boolean;
  readonly rolcreaterole: boolean;
  readonly rolreplication: boolean;
  readonly rolbypassrls: boolean;
  readonly rolconnlimit: number;
  readonly rolconfig: readonly string[];
}

function attributesOf(row: RoleRow): Properties {
  const setting = (name: string) =>
    row.rolconfig.find((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1);
  const searchPath = setting("search_path");
  return {
    login: row.rolcanlogin,
    inherit: row.rolinherit,
    superuser: row.rolsuper,
    createDatabase: row.rolcreatedb,
    createRole: row.rolcreaterole,
    replication: row.rolreplication,
    bypassRowLevelSecurity: row.rolbypassrls,
    connectionLimit: row.rolconnlimit,
    statementTimeout: Number(setting("statement_timeout") ?? 0),
    idleInTransactionSessionTimeout: Number(setting("idle_in_transaction_session_timeout") ?? 0),
    ...(searchPath === undefined ? {} : { searchPaths: searchPath.split(/, */).map(unquoted) }),
  };
}

function unquoted(name: string): string {
  return name.replace(/^"(.*)"$/, "$1").replaceAll('""', '"');
}
