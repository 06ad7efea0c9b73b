import * as pulumi from "@pulumi/pulumi";
import { localTarget } from "../components/local/local-target.ts";
import type { Target } from "../components/target.ts";
import { CELL_DATABASE, type CellAccess } from "../components/tiers/cell-login.ts";
import { cellProvider } from "../components/tiers/cell-provider.ts";
import { DedicatedTier } from "../components/tiers/dedicated-tier.ts";
import { Tenant, type TenantArgs } from "../components/tiers/tenant.ts";
import { readTenantConfig, type TenantConfig } from "./config/tenant-config.ts";

type Home = Pick<TenantArgs, "provider" | "access" | "container">;

/** One tenant, on either tier. */
export function tenantStack() {
  const config = readTenantConfig();
  const target = localTarget(config.home);
  const { id: tenantId, tier, cell, topics, isProtected } = config.tenant;
  const { provider, container, access } =
    tier === "dedicated" ? dedicatedHome(target, config) : sharedHome(config);
  const tenant = new Tenant(tenantId, { target, tenantId, provider, access, container, topics, isProtected });
  return {
    placement: { cell, database: CELL_DATABASE, schema: tenant.schema },
    reader: tenant.reader,
    log: tenant.log,
    ...(tier === "dedicated" ? { cell: access } : {}),
  };
}

function dedicatedHome(target: Target, config: TenantConfig): Home {
  const { tenant, cellUrl: url, dedicatedTenantCount, maxDedicatedTenants } = config;
  const { cell, isProtected } = tenant;
  const tierArgs = { target, cell, url, isProtected, dedicatedTenantCount, maxDedicatedTenants };
  const tier = new DedicatedTier(tenant.id, tierArgs);
  return { provider: tier.cell.provider, container: tier.cell.container, access: tier.cell.access };
}

/** The shared cells belong to the platform's stack; this one only looks up how to reach the one it was placed in. */
function sharedHome({ environment, tenant }: TenantConfig): Home {
  const platform = new pulumi.StackReference(`organization/${pulumi.getProject()}/platform-${environment}`);
  const access = pulumi
    .all([platform.requireOutput("cells"), platform.requireOutput("sslmodes")])
    .apply(([cells, sslmodes]: [Readonly<Record<string, CellAccess>>, Readonly<Record<string, string>>]) => {
      const [found, sslmode] = [cells[tenant.cell], sslmodes[tenant.cell]];
      if (found === undefined || sslmode === undefined) {
        throw new pulumi.RunError(`The platform of ${environment} has no cell '${tenant.cell}'.`);
      }
      return { ...found, sslmode };
    });
  const admin = {
    host: pulumi.unsecret(access.host),
    port: pulumi.unsecret(access.port),
    user: pulumi.unsecret(access.admin.user),
    password: access.admin.password,
    sslmode: pulumi.unsecret(access.sslmode),
  };
  return {
    provider: cellProvider(tenant.cell, admin, {}),
    access: pulumi.secret(access),
    container: undefined,
  };
}
