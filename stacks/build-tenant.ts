import * as pulumi from "@pulumi/pulumi";
import type { Target } from "../components/target.ts";
import type { Cell } from "../components/tiers/cell.ts";
import { CELL_DATABASE, type CellAccess } from "../components/tiers/cell-login.ts";
import { cellProvider } from "../components/tiers/cell-provider.ts";
import { DedicatedTier } from "../components/tiers/dedicated-tier.ts";
import { Tenant, type TenantArgs } from "../components/tiers/tenant.ts";
import { tenantLogOf } from "../model/tenant-log.ts";
import type { HomeConfig, TenantConfig } from "./config/tenant-config.ts";

/** How the tenant is made in a cell. */
type CellEntry = Pick<TenantArgs, "provider" | "access" | "container"> & Pick<Cell, "instanceIds">;

/**
 * One tenant on any target: in its home and, while it moves or could still go back, in a second one. Every resource of a
 * home is named by the home's cell: the other one comes, goes or changes places with it, and this one stays as it is.
 */
export function buildTenant(config: TenantConfig, target: Target) {
  const { id: tenantId, topics, homes } = config.tenant;
  const readerPassword = target.secret(`${tenantId}-reader`, {});
  const build = (home: HomeConfig) => {
    const { cell, tier, isProtected } = home;
    const entry = tier === "dedicated" ? dedicatedEntry(target, home, config) : sharedEntry(home, config);
    const tenant = new Tenant(`${tenantId}-${cell}`, { tenantId, ...entry, readerPassword, isProtected });
    return { cell, tier, access: entry.access, instanceIds: entry.instanceIds, tenant };
  };

  const [first, ...others] = homes;
  const home = build(first);
  const dedicated = [home, ...others.map(build)].filter(({ tier }) => tier === "dedicated");
  return {
    /** Cells of the tenant's own. */
    dedicated,
    outputs: {
      placement: { cell: home.cell, database: CELL_DATABASE, schema: home.tenant.schema },
      reader: home.tenant.reader,
      log: tenantLogOf(tenantId, topics),
      /** Machines of those cells, by name; the primary's first. */
      servers: Object.fromEntries(
        dedicated.flatMap(({ cell, instanceIds }) =>
          instanceIds === undefined ? [] : [[cell, instanceIds]],
        ),
      ),
      /** How to reach the tenant's own cells, by name. */
      cells: pulumi.secret(Object.fromEntries(dedicated.map(({ cell, access }) => [cell, access]))),
    },
  };
}

function dedicatedEntry(
  target: Target,
  { cell, url, isProtected }: HomeConfig,
  { dedicatedTenantCount, maxDedicatedTenants }: TenantConfig,
): CellEntry {
  const args = { target, url, isProtected, dedicatedTenantCount, maxDedicatedTenants };
  return new DedicatedTier(cell, args).cell;
}

/** The shared cells belong to the platform's stack; this one only looks up how to reach the one it was placed in. */
function sharedEntry({ cell }: HomeConfig, { environment }: TenantConfig): CellEntry {
  const name = `organization/${pulumi.getProject()}/platform-${environment}`;
  const platform = new pulumi.StackReference(cell, { name });
  const access = pulumi
    .all([platform.requireOutput("cells"), platform.requireOutput("sslmodes")])
    .apply(([cells, sslmodes]: [Readonly<Record<string, CellAccess>>, Readonly<Record<string, string>>]) => {
      const [found, sslmode] = [cells[cell], sslmodes[cell]];
      if (found === undefined || sslmode === undefined)
        throw new pulumi.RunError(`The platform of ${environment} has no cell '${cell}'.`);
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
    provider: cellProvider(cell, admin, {}),
    access: pulumi.secret(access),
    container: undefined,
    instanceIds: undefined,
  };
}
