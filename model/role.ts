/** Roles of a tenant's own credentials. */
export const TENANT_ROLES = ["machine", "viewer", "operator", "tenant-admin"] as const;
export type TenantRole = (typeof TENANT_ROLES)[number];

/** Roles that name the tenant with each call. */
export const PLATFORM_ROLES = ["sales", "platform-admin"] as const;
export type PlatformRole = (typeof PLATFORM_ROLES)[number];

export type Role = TenantRole | PlatformRole;

const TENANT_READS = [
  "tenant:read",
  "operation:read",
  "data:read",
  "machine:read",
  "rule:read",
  "alert:read",
  "channel:read",
  "key:read",
  "audit:read",
  "usage:read",
  "decision:read",
  "cost:read",
] as const;
const OPERATING = [
  "rule:write",
  "alert:write",
  "alert:report",
  "channel:write",
  "dead-letter:write",
  "machine:write",
] as const;
const SELLING = [
  "cost:quote",
  "tenant:create",
  "tenant:update",
  "tenant:budget",
  "tenant:delete",
  "tenant:move",
  "operation:write",
] as const;
const PLATFORM = [
  "platform-key:read",
  "platform-key:write",
  "metrics:read",
  "system-event:read",
  "trigger:read",
  "trigger:write",
  "decision:write",
  "drift:read",
  "drift:write",
  "tenant:restore",
  "cost:check",
] as const;

export type Permission =
  | "data:write"
  | "key:write"
  | "login:rotate"
  | (typeof TENANT_READS)[number]
  | (typeof OPERATING)[number]
  | (typeof SELLING)[number]
  | (typeof PLATFORM)[number];

/** What each role may do: the matrix of the API's contract. What is not listed is refused. */
const PERMISSIONS: Readonly<Record<Role, ReadonlySet<Permission>>> = {
  machine: new Set<Permission>(["data:write", "alert:report"]),
  viewer: new Set<Permission>(TENANT_READS),
  operator: new Set<Permission>([...TENANT_READS, ...OPERATING]),
  "tenant-admin": new Set<Permission>([
    ...TENANT_READS,
    ...OPERATING,
    "key:write",
    "login:rotate",
    "tenant:budget",
  ]),
  sales: new Set<Permission>(["tenant:read", "operation:read", "usage:read", "cost:read", ...SELLING]),
  "platform-admin": new Set<Permission>([
    ...TENANT_READS,
    ...OPERATING,
    ...SELLING,
    ...PLATFORM,
    "data:write",
    "key:write",
    "login:rotate",
  ]),
};

export function mayDo(role: Role, permission: Permission): boolean {
  return PERMISSIONS[role].has(permission);
}
