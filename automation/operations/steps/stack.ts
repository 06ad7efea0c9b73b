import * as z from "zod";
import { cellSites, type CellSite } from "../../../data/catalog/cell.ts";
import { placementOf, type TenantPlacement } from "../../../data/catalog/placement.ts";
import { checkOwnership } from "../../../data/catalog/ownership.ts";
import { openMove } from "../../../data/catalog/tenant-move.ts";
import { getTenant, type Tenant } from "../../../data/catalog/tenant.ts";
import { cellLogin, cellSecret } from "../../../data/cell/cell-secret.ts";
import { MillwrightError } from "../../../model/errors.ts";
import { tenantLog } from "../../../model/tenant-log.ts";
import { tenantStackName, type Placement } from "../../../model/tenant.ts";
import type { StackSession } from "../../engine/engine.ts";
import { readGateFacts } from "../gate.ts";
import type { StackPurpose } from "../dependencies.ts";
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

const outputsSchema = z.object({
  reader: cellLogin,
  cells: z.record(z.string(), cellSecret),
  log: tenantLog,
  servers: z.record(z.string(), z.array(z.string())).default({}),
});

/** What the tenant's program answers. */
export async function stackOutputs(session: StackSession) {
  return outputsSchema.parse(await session.outputs());
}

/**
 * Puts the logins that the stack gives out into the secret store. Every operation does so after the first `up` of its
 * own: a rotation that failed half way is completed by whatever run of the engine comes next.
 */
export async function storeLogins({ owned, deps }: OperationRun, session: StackSession): Promise<void> {
  const { reader, cells } = await stackOutputs(session);
  await checkOwnership(deps.catalog.service, owned); // the secret store knows no tokens
  await deps.secrets.put(`reader-${owned.tenant}`, reader);
  for (const [cell, secret] of Object.entries(cells)) await deps.secrets.put(`cell-${cell}`, secret);
}

/** A cell that the tenant's stack holds the tenant in. The engine refuses to destroy what is protected. */
export interface StackHome extends CellSite {
  readonly isProtected: boolean;
}

/** The cells that hold the tenant now: its home, then the target of its move, or where it came from. */
export async function homesOf(
  { deps }: Pick<OperationRun, "deps">,
  { tenant, cell }: Pick<Placement, "tenant" | "cell">,
): Promise<readonly CellSite[]> {
  const { service } = deps.catalog;
  const move = await openMove(service, tenant);
  const others = [move?.sourceCell, move?.targetCell].filter((other) => other !== cell);
  return cellSites(service, [cell, ...others.filter((other) => typeof other === "string")]);
}

/** A move to a shared database makes room. */
function addedBy({ kind, input }: OperationRun["owned"]): StackPurpose["adds"] {
  if (kind === "create") return "tenant";
  return kind === "move" && input["tier"] === "dedicated" ? "home" : "nothing";
}

/**
 * The engine on the tenant's stack, under this owner's fencing token.
 * @param homes - all that the stack is to have, where the tenant is at home first: an `up` takes away any other
 */
export async function tenantSession(
  run: OperationRun,
  { tenant, placement }: PlacedTenant,
  homes: readonly StackHome[],
): Promise<StackSession> {
  const { owned, deps, sessions, progress, signal } = run;
  return sessions.get(owned.operation, {
    stack: tenantStackName(tenant.id),
    config: {
      ...(await deps.stackConfig?.(tenant, {
        isStaying: homes.some(({ isProtected }) => isProtected),
        adds: addedBy(owned),
      })),
      ...tenantStackConfig({
        home: deps.home,
        environment: deps.environment,
        tenant: tenant.id,
        rotation: placement.rotation,
        topics: placement.topics.map(({ topic, stream, partitions }) => ({ topic, stream, partitions })),
        homes: homes.map(({ server, ...home }) => ({
          ...home,
          url: server === undefined ? undefined : urlOf(server, deps.dedicatedCellUrls),
        })),
        dedicated: await dedicatedFacts(run, placement, homes),
      }),
    },
    fencingToken: owned.fencingToken,
    onEvent: ({ message, resource }) =>
      progress.add({ message: message.slice(0, MAX_MESSAGE), ...(resource && { resource }) }),
    signal,
  });
}

/**
 * The limit keeps a tenant from becoming dedicated. One that is, or is on its way out, goes on under a limit that was
 * lowered meanwhile; so does one that gives up its dedicated cell.
 */
async function dedicatedFacts(
  { owned, deps }: OperationRun,
  { tenant, state }: TenantPlacement,
  homes: readonly StackHome[],
) {
  if (!homes.some(({ tier }) => tier === "dedicated")) return undefined;
  const { otherDedicatedTenants, maxDedicatedTenants: maxTenants } = await readGateFacts(
    deps.catalog.service,
    { id: tenant, tier: "dedicated" },
  );
  const tenantCount = otherDedicatedTenants + 1;
  const isDedicated = state !== "building" && homes[0]?.tier === "dedicated";
  const isStaying = homes.some(({ isProtected }) => isProtected);
  const isBecoming = !isDedicated && isStaying && owned.kind !== "finish-move";
  return { tenantCount: isBecoming ? tenantCount : Math.min(tenantCount, maxTenants), maxTenants };
}

function urlOf(server: string, urls: readonly string[]): string {
  const url = urls.find((candidate) => serverOf(candidate) === server);
  if (url !== undefined) return url;
  const message = `The server ${server} of this tenant is missing in TIMESCALE_CELL_URLS.`;
  throw new MillwrightError("setting-invalid", message);
}
