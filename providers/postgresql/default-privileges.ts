import type pg from "pg";
import { resourceType } from "../plugin.ts";
import type { InputsOf } from "../properties.ts";
import { grantee, inOrderOf, privilegeWords } from "./privileges.ts";
import { identifier, unlessGone, type Sessions } from "./session.ts";

const OBJECT_WORDS: Readonly<Record<string, string>> = { table: "tables", sequence: "sequences" };
const OBJECT_LETTERS: Readonly<Record<string, string>> = { table: "r", sequence: "S" };

const properties = {
  database: { kind: "text", isRequired: true, replaces: true },
  schema: { kind: "text", isRequired: true, replaces: true },
  owner: { kind: "text", isRequired: true, replaces: true },
  role: { kind: "text", isRequired: true, replaces: true },
  objectType: { kind: "text", isRequired: true, replaces: true },
  privileges: { kind: "texts", isRequired: true },
  withGrantOption: { kind: "flag", fallback: false, replaces: true },
} as const;
type DefaultPrivilegesInputs = InputsOf<typeof properties>;

/** `postgresql:index/defaultPrivileges:DefaultPrivileges` of one schema, for tables and sequences. */
export const defaultPrivileges = resourceType({
  properties,
  deleteBeforeReplace: true,

  async create(sessions: Sessions, inputs) {
    await setPrivileges(sessions, inputs);
    const { role, database, schema, owner, objectType } = inputs;
    return { id: [role, database, schema, owner, objectType].join("_"), state: inputs };
  },

  async read(sessions: Sessions, state) {
    const found = await unlessGone(
      sessions.transaction(
        (tx) =>
          tx.query<{ privilege: string }>(
            `select a.privilege_type as privilege
             from pg_default_acl d, aclexplode(d.defaclacl) a
            where d.defaclrole = (select oid from pg_roles where rolname = $1)
              and d.defaclnamespace = (select oid from pg_namespace where nspname = $2)
              and d.defaclobjtype = $3
              and a.grantee = case lower($4) when 'public' then 0::oid
                              else (select oid from pg_roles where rolname = $4) end`,
            [state.owner, state.schema, OBJECT_LETTERS[state.objectType], state.role],
          ),
        state.database,
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
    await unlessGone(sessions.transaction((tx) => revokeAll(tx, state), state.database));
  },
});

async function setPrivileges(sessions: Sessions, inputs: DefaultPrivilegesInputs): Promise<void> {
  const words = privilegeWords(inputs.privileges);
  await sessions.transaction(async (tx) => {
    await revokeAll(tx, inputs);
    if (words === "") return;
    const option = inputs.withGrantOption ? " with grant option" : "";
    const action = `grant ${words} on ${objectsOf(inputs)} to ${grantee(inputs.role)}${option}`;
    await tx.query(`${scopeOf(inputs)} ${action}`);
  }, inputs.database);
}

async function revokeAll(tx: pg.Client, inputs: DefaultPrivilegesInputs): Promise<void> {
  await tx.query(`${scopeOf(inputs)} revoke all on ${objectsOf(inputs)} from ${grantee(inputs.role)}`);
}

function scopeOf({ owner, schema }: DefaultPrivilegesInputs): string {
  return `alter default privileges for role ${identifier(owner)} in schema ${identifier(schema)}`;
}

function objectsOf({ objectType }: DefaultPrivilegesInputs): string {
  const words = OBJECT_WORDS[objectType];
  if (words === undefined)
    throw new RangeError(`objectType '${objectType}' is not known here: table, sequence`);
  return words;
}
