import type { TenantTopics } from "../../model/tenant-log.ts";
import type { TenantId, Tier } from "../../model/tenant.ts";
import type { StackConfig } from "../engine/engine.ts";

/** What the program of a tenant's stack is told; stacks/config reads the same keys. */
export interface TenantStackFacts {
  readonly home: string;
  readonly environment: string;
  readonly tenant: TenantId;
  readonly topics: TenantTopics;
  /** Counts up; with another one the stack makes its passwords anew. */
  readonly rotation: number;
  /** Where the tenant is at home comes first. */
  readonly homes: readonly HomeFacts[];
  /** For the policy; undefined for a tenant without a cell of its own. */
  readonly dedicated: { readonly tenantCount: number; readonly maxTenants: number } | undefined;
}

export interface HomeFacts {
  readonly cell: string;
  readonly tier: Tier;
  /** The engine refuses to destroy what is protected. */
  readonly isProtected: boolean;
  /** postgres:// URL of the external server of a dedicated cell. */
  readonly url: string | undefined;
}

export function tenantStackConfig(facts: TenantStackFacts): StackConfig {
  const { home, environment, tenant: id, topics, rotation, dedicated } = facts;
  const homes = facts.homes.map(({ cell, tier, isProtected }) => ({ cell, tier, isProtected }));
  const urls = facts.homes.flatMap(({ cell, url }) =>
    url === undefined ? [] : [[`millwright:cellUrl-${cell}`, { secret: url }] as const],
  );
  return {
    "millwright:home": home,
    "millwright:environment": environment,
    "millwright:tenant": JSON.stringify({ id, topics, homes, rotation }),
    ...(dedicated === undefined
      ? {}
      : {
          "millwright:dedicatedTenantCount": String(dedicated.tenantCount),
          "millwright:maxDedicatedTenants": String(dedicated.maxTenants),
        }),
    ...Object.fromEntries(urls),
  };
}

/** Names an external server without its password: `host:port/database`. */
export function serverOf(url: string): string {
  const { host, pathname } = new URL(url);
  return `${host}${pathname}`;
}
