import { resourceType } from "../plugin.ts";
import { identifier, literal, type Sessions } from "./session.ts";

/** `postgresql:index/database:Database`: always made from template0, so that nothing of a site's template leaks in. */
export const database = resourceType({
  properties: {
    name: { kind: "text", isRequired: true, replaces: true },
    owner: { kind: "text" },
    encoding: { kind: "text", fallback: "UTF8", replaces: true },
    lcCollate: { kind: "text", fallback: "C", replaces: true },
    lcCtype: { kind: "text", fallback: "C", replaces: true },
    connectionLimit: { kind: "whole", fallback: -1 },
  },

  async create(sessions: Sessions, inputs) {
    const { name, encoding, lcCollate, lcCtype } = inputs;
    await sessions.statements(async (client) => {
      const { rowCount } = await client.query("select from pg_database where datname = $1", [name]);
      if (rowCount === 0) {
        await client.query(
          `create database ${identifier(name)} template template0 encoding ${literal(encoding)}
             lc_collate ${literal(lcCollate)} lc_ctype ${literal(lcCtype)}`,
        );
      }
    });
    await alter(sessions, inputs);
    return { id: name, state: inputs };
  },

  async read(sessions: Sessions, state) {
    const { rows } = await sessions.transaction((tx) =>
      tx.query<{ owner: string; connectionLimit: number }>(
        `select pg_get_userbyid(datdba) as owner, datconnlimit as "connectionLimit"
           from pg_database where datname = $1`,
        [state.name],
      ),
    );
    const row = rows[0];
    if (row === undefined) return undefined;
    const owner = state.owner === undefined ? {} : { owner: row.owner };
    return { ...state, ...owner, connectionLimit: row.connectionLimit };
  },

  async update(sessions: Sessions, _state, inputs) {
    await alter(sessions, inputs);
    return inputs;
  },

  async delete(sessions: Sessions, { name }) {
    // The handlers' pools are still connected when a cell goes; they are to lose their connections.
    await sessions.outside(name, `drop database if exists ${identifier(name)} with (force)`);
  },
});

async function alter(
  sessions: Sessions,
  inputs: { readonly name: string; readonly owner: string | undefined; readonly connectionLimit: number },
): Promise<void> {
  const name = identifier(inputs.name);
  await sessions.transaction(async (tx) => {
    await tx.query(`alter database ${name} with connection limit ${inputs.connectionLimit}`);
    if (inputs.owner !== undefined)
      await tx.query(`alter database ${name} owner to ${identifier(inputs.owner)}`);
  });
}
