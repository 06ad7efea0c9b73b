import { identifier } from "./session.ts";

const PRIVILEGES = [
  "CONNECT",
  "CREATE",
  "TEMPORARY",
  "USAGE",
  "SELECT",
  "INSERT",
  "UPDATE",
  "DELETE",
  "TRUNCATE",
  "REFERENCES",
  "TRIGGER",
  "MAINTAIN",
  "EXECUTE",
];

/** Privileges stand in the statement as words, so only words from the list may. */
export function privilegeWords(privileges: readonly string[]): string {
  const unknown = privileges.filter((privilege) => !PRIVILEGES.includes(privilege));
  if (unknown.length > 0) throw new RangeError(`no such privilege: ${unknown.join(", ")}`);
  return privileges.join(", ");
}

/** A role in GRANT and REVOKE; `public` means everybody, in any case. */
export function grantee(role: string): string {
  return role.toLowerCase() === "public" ? "public" : identifier(role);
}

/** The privileges that `stored` names, in the order of `wanted`: so that an equal set compares equal. */
export function inOrderOf(wanted: readonly string[], stored: readonly string[]): string[] {
  const kept = wanted.filter((privilege) => stored.includes(privilege));
  return [...kept, ...stored.filter((privilege) => !wanted.includes(privilege)).sort()];
}
