import * as pulumi from "@pulumi/pulumi";
import * as z from "zod";
import { tenantTopics, type TenantTopics } from "../../model/tenant-log.ts";
import { TIERS, tenantId, type TenantId } from "../../model/tenant.ts";
import { jsonConfig } from "./json-config.ts";

const home = z.strictObject({
  cell: z.string().regex(/^[a-z][a-z0-9-]{1,60}$/),
  tier: z.enum(TIERS),
  isProtected: z.boolean(),
});

const tenant = z.strictObject({
  id: tenantId,
  topics: tenantTopics,
  rotation: z.int().min(0).default(0),
  homes: z
    .tuple([home], home)
    .refine(
      ([first, second, ...others]) => others.length === 0 && first.cell !== second?.cell,
      "one, or two in different cells",
    ),
});

const DEFAULT_MAX_DEDICATED_TENANTS = 1; // seeds/000: max_dedicated_tenants

/** A cell that holds the tenant. */
export interface HomeConfig extends z.infer<typeof home> {
  /** Superuser's URL of a server for a dedicated cell, the secret `cellUrl-CELL`; undefined where the stack makes it. */
  readonly url: pulumi.Output<string> | undefined;
}

/** Settings of a `tenant-ID` stack. */
export interface TenantConfig {
  /** Names the stack of the platform, `platform-ENV`. */
  readonly environment: string;
  readonly tenant: {
    readonly id: TenantId;
    readonly topics: TenantTopics;
    /** Counts up; with another one the passwords that the stack makes are made anew. */
    readonly rotation: number;
    /** Where the tenant is at home comes first. A second one is the target of its move, or where it came from. */
    readonly homes: readonly [HomeConfig, ...HomeConfig[]];
  };
  /**
   * Dedicated tenants of the environment once this stack is up, however many dedicated homes each has. undefined when
   * nobody counted: the policy then refuses.
   */
  readonly dedicatedTenantCount: number | undefined;
  readonly maxDedicatedTenants: number;
}

export function readTenantConfig(): TenantConfig {
  const config = new pulumi.Config();
  const {
    homes: [first, ...others],
    ...facts
  } = jsonConfig("tenant", tenant);
  const withUrl = (given: z.infer<typeof home>) => ({
    ...given,
    url: config.getSecret(`cellUrl-${given.cell}`),
  });
  return {
    environment: config.require("environment"),
    tenant: { ...facts, homes: [withUrl(first), ...others.map(withUrl)] },
    dedicatedTenantCount: jsonConfig("dedicatedTenantCount", z.int().min(0).optional()),
    maxDedicatedTenants: jsonConfig(
      "maxDedicatedTenants",
      z.int().min(0).default(DEFAULT_MAX_DEDICATED_TENANTS),
    ),
  };
}
