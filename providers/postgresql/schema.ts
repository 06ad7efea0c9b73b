import { resourceType } from "../plugin.ts";
import { identifier, unlessGone, type Sessions } from "./session.ts";

/** `postgresql:index/schema:Schema`, without the deprecated `policies`. */
export const schema = resourceType({
  properties: {
    name: { kind: "text", isRequired: true, replaces: true },
    database: { kind: "text", isRequired: true, replaces: true },
    owner: { kind: "text", isRequired: true },
    dropCascade: { kind: "flag", fallback: false },
  },

  async create(sessions: Sessions, inputs) {
    await sessions.transaction(async (tx) => {
      await tx.query(`create schema if not exists ${identifier(inputs.name)}`);
      await tx.query(`alter schema ${identifier(inputs.name)} owner to ${identifier(inputs.owner)}`);
    }, inputs.database);
    return { id: `${inputs.database}.${inputs.name}`, state: inputs };
  },

  async read(sessions: Sessions, state) {
    const found = await unlessGone(
      sessions.transaction(
        (tx) =>
          tx.query<{ owner: string }>(
            "select pg_get_userbyid(nspowner) as owner from pg_namespace where nspname = $1",
            [state.name],
          ),
        state.database,
      ),
    );
    const row = found?.rows[0];
    return row === undefined ? undefined : { ...state, owner: row.owner };
  },

  async update(sessions: Sessions, _state, inputs) {
    const { name, owner, database } = inputs;
    await sessions.transaction(
      (tx) => tx.query(`alter schema ${identifier(name)} owner to ${identifier(owner)}`),
      database,
    );
    return inputs;
  },

  async delete(sessions: Sessions, { name, database, dropCascade }) {
    const mode = dropCascade ? "cascade" : "restrict";
    await unlessGone(
      sessions.transaction((tx) => tx.query(`drop schema if exists ${identifier(name)} ${mode}`), database),
    );
  },
});
