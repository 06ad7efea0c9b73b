import type { Plugin } from "../plugin.ts";
import { database } from "./database.ts";
import { defaultPrivileges } from "./default-privileges.ts";
import { grant } from "./grant.ts";
import { grantRole } from "./grant-role.ts";
import { role } from "./role.ts";
import { schema } from "./schema.ts";
import { Sessions } from "./session.ts";

/**
 * Does the work of the official postgresql plugin where that cannot be installed, for the types that our stacks
 * use: same tokens, same property names, same ids. Unlike the official one it adopts what is already there, so that
 * an engine that was killed between making a role and noting it can simply run again.
 */
export const postgresqlPlugin: Plugin<Sessions> = {
  name: "postgresql",
  version: "3.18.1", // of the SDK whose types it serves
  settings: [
    "host",
    "port",
    "username",
    "password",
    "database",
    "sslmode",
    "superuser",
    "connectTimeout",
    "maxConnections",
  ],

  configure(settings) {
    const { host, port, username, password } = settings;
    if (host === undefined || username === undefined || password === undefined) {
      throw new RangeError("the postgresql provider needs host, username and password");
    }
    return new Sessions({
      host,
      port: Number(port ?? 5432),
      user: username,
      password,
      database: settings["database"] ?? "postgres",
      ssl: tlsOf(settings["sslmode"] ?? "require"),
      connectTimeoutMs: 1000 * Number(settings["connectTimeout"] ?? 180),
    });
  },

  types: {
    "postgresql:index/database:Database": database,
    "postgresql:index/role:Role": role,
    "postgresql:index/schema:Schema": schema,
    "postgresql:index/grant:Grant": grant,
    "postgresql:index/grantRole:GrantRole": grantRole,
    "postgresql:index/defaultPrivileges:DefaultPrivileges": defaultPrivileges,
  },

  close: (sessions) => sessions.close(),
};

function tlsOf(sslmode: string) {
  if (sslmode === "disable") return false;
  if (sslmode === "require") return { rejectUnauthorized: false }; // libpq: encrypted, whoever answers
  if (sslmode === "verify-full") return { rejectUnauthorized: true };
  throw new RangeError(`sslmode '${sslmode}' is not known here: disable, require, verify-full`);
}
