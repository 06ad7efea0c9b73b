import { cellServer } from "../../../data/catalog/cell.ts";
import { placementOf, type TenantPlacement } from "../../../data/catalog/placement.ts";
import { countDedicatedTenants, getTenant, type Tenant } from "../../../data/catalog/tenant.ts";
import { MillwrightError } from "../../../model/errors.ts";
import { tenantStackName } from "../../../model/tenant.ts";
import type { StackSession } from "../../engine/engine.ts";
import { serverOf, tenantStackConfig } from "../stack-config.ts";
import type { OperationRun } from "./step.ts";

/** Characters of a progress line; the whole output of a failing provider belongs into its log. */
const MAX_MESSAGE = 2_000;

/** The tenant with its place. */
export interface PlacedTenant {
  readonly tenant: Tenant;
  readonly placement: TenantPlacement;
}

/** Read anew by each step: the catalog, not the process, remembers. */
export async function placedTenant({ owned, deps }: OperationRun): Promise<PlacedTenant> {
  const [tenant, placement] = await Promise.all([
    getTenant(deps.catalog.service, owned.tenant),
    placementOf(deps.catalog.service, owned.tenant),
  ]);
  if (placement === undefined) throw new MillwrightError("internal", `Tenant ${owned.tenant} has no place.`);
  return { tenant, placement };
}

/** The engine on the tenant's stack, under this owner's fencing token. */
export async function tenantSession(
  run: OperationRun,
  { tenant, placement }: PlacedTenant,
  options: { readonly isProtected: boolean },
): Promise<StackSession> {
  const { owned, deps, sessions, progress, signal } = run;
  const server =
    tenant.tier === "dedicated" ? await cellServer(deps.catalog.service, placement.cell) : undefined;
  return sessions.get(owned.operation, {
    stack: tenantStackName(tenant.id),
    config: tenantStackConfig({
      home: deps.home,
      environment: deps.environment,
      tenant: tenant.id,
      tier: tenant.tier,
      cell: placement.cell,
      topics: placement.topics.map(({ topic, stream, partitions }) => ({ topic, stream, partitions })),
      cellUrl: server === undefined ? undefined : urlOf(server, deps.dedicatedCellUrls),
      isProtected: options.isProtected,
      dedicated: await dedicatedFacts(run, tenant, options.isProtected),
    }),
    fencingToken: owned.fencingToken,
    onEvent: ({ message, resource }) =>
      progress.add({ message: message.slice(0, MAX_MESSAGE), ...(resource && { resource }) }),
    signal,
  });
}

/** A tenant on its way out does not count, and a limit that was lowered meanwhile must not stand in its way. */
async function dedicatedFacts({ deps }: OperationRun, { id, tier }: Tenant, isStaying: boolean) {
  if (tier !== "dedicated") return undefined;
  const { maxDedicatedTenants: maxTenants } = deps;
  const others = await countDedicatedTenants(deps.catalog.service, id);
  return { tenantCount: isStaying ? others + 1 : Math.min(others, maxTenants), maxTenants };
}

function urlOf(server: string, urls: readonly string[]): string {
  const url = urls.find((candidate) => serverOf(candidate) === server);
  if (url !== undefined) return url;
  const message = `The server ${server} of this tenant is missing in TIMESCALE_CELL_URLS.`;
  throw new MillwrightError("setting-invalid", message);
}
