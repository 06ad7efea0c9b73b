import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { tenantTopics, type TenantTopics } from "../../model/tenant-log.ts";
import { TIERS, tenantId, type TenantId, type Tier } from "../../model/tenant.ts";
import { jsonConfig } from "./json-config.ts";
import { readHome } from "./platform-config.ts";

const tenant = z.strictObject({
  id: tenantId,
  tier: z.enum(TIERS),
  cell: z.string().regex(/^[a-z][a-z0-9-]{1,60}$/),
  topics: tenantTopics,
  isProtected: z.boolean(),
});

const DEFAULT_MAX_DEDICATED_TENANTS = 1; // seeds/000: max_dedicated_tenants

/** Settings of a `tenant-ID` stack. */
export interface TenantConfig {
  /** Absolute folder of the installation. */
  readonly home: string;
  /** Names the stack of the platform, `platform-ENV`. */
  readonly environment: string;
  readonly tenant: {
    readonly id: TenantId;
    readonly tier: Tier;
    readonly cell: string;
    readonly topics: TenantTopics;
    readonly isProtected: boolean;
  };
  /** Superuser's URL of a server for a dedicated cell; undefined where the stack makes the server. */
  readonly cellUrl: pulumi.Output<string> | undefined;
  /**
   * Dedicated tenants of the environment once this stack is up. A tenant on its way out does not count, so a
   * lowered limit never stands in the way of a delete. undefined when nobody counted: the policy then refuses.
   */
  readonly dedicatedTenantCount: number | undefined;
  readonly maxDedicatedTenants: number;
}

export function readTenantConfig(): TenantConfig {
  const config = new pulumi.Config();
  return {
    home: readHome(config),
    environment: config.require("environment"),
    tenant: jsonConfig("tenant", tenant),
    cellUrl: config.getSecret("cellUrl"),
    dedicatedTenantCount: jsonConfig("dedicatedTenantCount", z.int().min(0).optional()),
    maxDedicatedTenants: jsonConfig(
      "maxDedicatedTenants",
      z.int().min(0).default(DEFAULT_MAX_DEDICATED_TENANTS),
    ),
  };
}
