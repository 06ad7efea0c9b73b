import type pg from "pg";
import { resourceType } from "../plugin.ts";
import type { InputsOf } from "../properties.ts";
import { grantee, inOrderOf, privilegeWords } from "./privileges.ts";
import { identifier, unlessGone, type Sessions } from "./session.ts";

const properties = {
  database: { kind: "text", isRequired: true, replaces: true },
  role: { kind: "text", isRequired: true, replaces: true },
  objectType: { kind: "text", isRequired: true, replaces: true },
  schema: { kind: "text", replaces: true },
  /** All that the role has on the object from now on; an empty list takes everything away. */
  privileges: { kind: "texts", isRequired: true },
  withGrantOption: { kind: "flag", fallback: false, replaces: true },
} as const;
type GrantInputs = InputsOf<typeof properties>;

/** `postgresql:index/grant:Grant` on a database or a schema: tables get theirs by default privileges. */
export const grant = resourceType({
  properties,
  deleteBeforeReplace: true, // the old one's REVOKE would take the new one's privileges

  async create(sessions: Sessions, inputs) {
    await setPrivileges(sessions, inputs);
    const parts = [inputs.role, inputs.database, inputs.schema, inputs.objectType];
    return { id: parts.filter((part) => part !== undefined).join("_"), state: inputs };
  },

  async read(sessions: Sessions, state) {
    const found = await unlessGone(
      sessions.transaction(
        (tx) => tx.query<{ privilege: string }>(...storedPrivileges(state)),
        databaseOf(state),
      ),
    );
    if (found === undefined) return undefined;
    const stored = found.rows.map(({ privilege }) => privilege);
    return { ...state, privileges: inOrderOf(state.privileges, stored) };
  },

  async update(sessions: Sessions, _state, inputs) {
    await setPrivileges(sessions, inputs);
    return inputs;
  },

  async delete(sessions: Sessions, state) {
    await unlessGone(sessions.transaction((tx) => revokeAll(tx, state), databaseOf(state)));
  },
});

async function setPrivileges(sessions: Sessions, inputs: GrantInputs): Promise<void> {
  const words = privilegeWords(inputs.privileges);
  await sessions.transaction(async (tx) => {
    await revokeAll(tx, inputs);
    if (words === "") return;
    const option = inputs.withGrantOption ? " with grant option" : "";
    await tx.query(`grant ${words} on ${objectOf(inputs)} to ${grantee(inputs.role)}${option}`);
  }, databaseOf(inputs));
}

async function revokeAll(tx: pg.Client, inputs: GrantInputs): Promise<void> {
  await tx.query(`revoke all on ${objectOf(inputs)} from ${grantee(inputs.role)}`);
}

function objectOf({ objectType, database, schema }: GrantInputs): string {
  if (objectType === "database") return `database ${identifier(database)}`;
  if (objectType === "schema" && schema !== undefined) return `schema ${identifier(schema)}`;
  throw new RangeError(`objectType '${objectType}' is not known here: 'database', or 'schema' with a schema`);
}

/** A database's own privileges are a row of the shared catalog: all who write it meet in the maintenance database. */
function databaseOf({ objectType, database }: GrantInputs): string | undefined {
  return objectType === "database" ? undefined : database;
}

function storedPrivileges(inputs: GrantInputs): [string, string[]] {
  const isDatabase = inputs.objectType === "database";
  const [table, name, acl, owner, letter] = isDatabase
    ? ["pg_database", "datname", "datacl", "datdba", "d"]
    : ["pg_namespace", "nspname", "nspacl", "nspowner", "n"];
  const sql = `select a.privilege_type as privilege
      from ${table} o, aclexplode(coalesce(o.${acl}, acldefault('${letter}', o.${owner}))) a
     where o.${name} = $1
       and a.grantee = case lower($2) when 'public' then 0::oid
                       else (select oid from pg_roles where rolname = $2) end`;
  return [sql, [isDatabase ? inputs.database : (inputs.schema ?? ""), inputs.role]];
}
