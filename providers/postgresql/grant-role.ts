import { resourceType } from "../plugin.ts";
import { identifier, unlessGone, type Sessions } from "./session.ts";

/** `postgresql:index/grantRole:GrantRole`: `role` becomes a member of `grantRole`. */
export const grantRole = resourceType({
  properties: {
    role: { kind: "text", isRequired: true, replaces: true },
    grantRole: { kind: "text", isRequired: true, replaces: true },
    withAdminOption: { kind: "flag", fallback: false, replaces: true },
  },
  deleteBeforeReplace: true,

  async create(sessions: Sessions, inputs) {
    const option = inputs.withAdminOption ? " with admin option" : "";
    await sessions.transaction((tx) =>
      tx.query(`grant ${identifier(inputs.grantRole)} to ${identifier(inputs.role)}${option}`),
    );
    return { id: `${inputs.role}_${inputs.grantRole}_${inputs.withAdminOption}`, state: inputs };
  },

  async read(sessions: Sessions, state) {
    const { rows } = await sessions.transaction((tx) =>
      tx.query<{ withAdminOption: boolean }>(
        `select bool_or(m.admin_option) as "withAdminOption"
           from pg_auth_members m
           join pg_roles member on member.oid = m.member
           join pg_roles granted on granted.oid = m.roleid
          where member.rolname = $1 and granted.rolname = $2
         having count(*) > 0`,
        [state.role, state.grantRole],
      ),
    );
    return rows[0] === undefined ? undefined : { ...state, ...rows[0] };
  },

  async delete(sessions: Sessions, state) {
    await unlessGone(
      sessions.transaction((tx) =>
        tx.query(`revoke ${identifier(state.grantRole)} from ${identifier(state.role)}`),
      ),
    );
  },
});
