import type { TenantTopics } from "../../model/tenant-log.ts";
import type { TenantId, Tier } from "../../model/tenant.ts";
import type { StackConfig } from "../engine/engine.ts";

/** What the program of a tenant's stack is told; stacks/config reads the same keys. */
export interface TenantStackFacts {
  readonly home: string;
  readonly environment: string;
  readonly tenant: TenantId;
  readonly tier: Tier;
  readonly cell: string;
  readonly topics: TenantTopics;
  /** postgres:// URL of the external server of a dedicated cell. */
  readonly cellUrl: string | undefined;
  /** The engine refuses to destroy what is protected. */
  readonly isProtected: boolean;
  /** For the policy; undefined for a tenant on the shared tier. */
  readonly dedicated: { readonly tenantCount: number; readonly maxTenants: number } | undefined;
}

export function tenantStackConfig(facts: TenantStackFacts): StackConfig {
  const { home, environment, tenant: id, tier, cell, cellUrl, topics, isProtected, dedicated } = facts;
  return {
    "millwright:home": home,
    "millwright:environment": environment,
    "millwright:tenant": JSON.stringify({ id, tier, cell, topics, isProtected }),
    ...(dedicated === undefined
      ? {}
      : {
          "millwright:dedicatedTenantCount": String(dedicated.tenantCount),
          "millwright:maxDedicatedTenants": String(dedicated.maxTenants),
        }),
    ...(cellUrl === undefined ? {} : { "millwright:cellUrl": { secret: cellUrl } }),
  };
}

/** Names an external server without its password: `host:port/database`. */
export function serverOf(url: string): string {
  const { host, pathname } = new URL(url);
  return `${host}${pathname}`;
}
