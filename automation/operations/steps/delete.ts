import { keepFormerTenancy } from "../../../data/catalog/billed-tenancy.ts";
import { removeDedicatedCell } from "../../../data/catalog/cell.ts";
import { getOperation } from "../../../data/catalog/operation.ts";
import { checkOwnership, inOwnership, setResult } from "../../../data/catalog/ownership.ts";
import { notifyPlacementChanged, placementOf } from "../../../data/catalog/placement.ts";
import { endStackCost } from "../../../data/catalog/stack-cost.ts";
import { recordSystemEvent } from "../../../data/catalog/system-event.ts";
import { removeTenantRows } from "../../../data/catalog/tenant-rows.ts";
import { setTenantState } from "../../../data/catalog/tenant.ts";
import { readCellSecret } from "../../../data/cell/cell-secret.ts";
import { hasCode } from "../../../model/errors.ts";
import { isShared } from "../../../model/topic-name.ts";
import { deletionCertificate } from "../certificate.ts";
import { homesOf, placedTenant, tenantSession, type PlacedTenant } from "./stack.ts";
import type { OperationRun, Step } from "./step.ts";

/** Readings are refused since the delete was accepted; here the consumers are told to let go. */
async function quiesce({ owned, deps }: OperationRun) {
  await inOwnership(deps.catalog.service, owned, async (tx) => {
    await setTenantState(tx, owned.tenant, ["creating", "ready", "failed"], "deleting");
    await notifyPlacementChanged(tx, owned.tenant);
  });
  return undefined;
}

async function liftProtection(run: OperationRun) {
  const placed = await builtTenant(run);
  if (placed === undefined) return { skipped: "the engine has made nothing of this tenant" };
  const session = await unprotectedSession(run, placed);
  try {
    return { changes: await session.up() };
  } catch (error) {
    // What stopped the create stops this `up` too, but behind the point up to which everything is now unprotected. And
    // no policy may keep a tenant from leaving. If something is still protected, the destroy says so.
    if (!hasCode(error, "engine-failed") && !hasCode(error, "policy-refused")) throw error;
    return { incomplete: error.code };
  }
}

/** Before the schema goes: with its fence gone, ingestion leaves the tenant alone instead of failing on missing tables. */
async function dropData(run: OperationRun) {
  const { owned, deps } = run;
  const placed = await builtTenant(run);
  if (placed === undefined) return undefined;
  const shared = (await homesOf(run, placed.placement)).filter(({ tier }) => tier === "shared");
  if (shared.length === 0) return { skipped: "the whole cell goes" };
  const rows: Record<string, number> = {};
  for (const { cell } of shared) {
    const secret = await readCellSecret(deps.secrets, cell);
    if (secret === undefined) continue; // never built
    await checkOwnership(deps.catalog.service, owned);
    const dropped = await deps.cells.dropTenantRows(secret, owned.tenant);
    for (const [table, count] of Object.entries(dropped)) rows[table] = (rows[table] ?? 0) + count;
  }
  return { rows };
}

async function destroy(run: OperationRun) {
  const placed = await builtTenant(run);
  if (placed === undefined) return undefined;
  const { owned, deps } = run;
  await checkOwnership(deps.catalog.service, owned);
  // Before the group of their things goes with the stack, and with it what they may do.
  await deps.revokeMachines?.(owned.tenant);
  const session = await unprotectedSession(run, placed);
  return { changes: await session.destroy() };
}

async function dropTopics({ owned, deps }: OperationRun) {
  const placement = await placementOf(deps.catalog.service, owned.tenant);
  await checkOwnership(deps.catalog.service, owned);
  // What a shared topic holds goes with its retention: no position leads there any more.
  const topics = placement?.topics.map(({ topic }) => topic).filter((topic) => !isShared(topic)) ?? [];
  for (const topic of topics) await deps.log.dropTopic(topic);
  return { topics };
}

/** The last of the tenant: secrets, then every row of the catalog and the certificate in one transaction. */
async function forget(run: OperationRun) {
  const { owned, deps } = run;
  const { tenant } = owned;
  const { catalog, secrets } = deps;
  await checkOwnership(catalog.service, owned);
  const placement = await placementOf(catalog.service, tenant);
  const homes = placement === undefined ? [] : await homesOf(run, placement);
  const ownCells = homes.filter(({ tier }) => tier === "dedicated").map(({ cell }) => cell);
  await secrets.remove(`reader-${tenant}`);
  for (const cell of ownCells) await secrets.remove(`cell-${cell}`);
  await inOwnership(catalog.service, owned, async (tx) => {
    const operation = await getOperation(tx, owned.operation);
    await endStackCost(tx, tenant);
    await keepFormerTenancy(tx, tenant);
    const catalogRows = await removeTenantRows(tx, tenant);
    // Done already, and killed before that was recorded: the certificate stands.
    if (catalogRows["tenant"] === undefined) return;
    for (const cell of ownCells) await removeDedicatedCell(tx, cell);
    if (owned.kind === "delete") {
      await setResult(
        tx,
        owned.operation,
        deletionCertificate(operation, placement, catalogRows, new Date()),
      );
      await recordSystemEvent(tx, { kind: "tenant.deleted", tenant, key: owned.operation });
    }
    await notifyPlacementChanged(tx, tenant);
  });
  return undefined;
}

/** The engine on the stack with all homes of the tenant. */
async function unprotectedSession(run: OperationRun, placed: PlacedTenant) {
  const homes = await homesOf(run, placed.placement);
  const all = homes.map((home) => ({ ...home, isProtected: false }));
  return tenantSession(run, placed, all);
}

/** Undefined when the engine has never begun on the tenant's stack. */
async function builtTenant(run: OperationRun): Promise<PlacedTenant | undefined> {
  const placement = await placementOf(run.deps.catalog.service, run.owned.tenant);
  return placement?.hasStack === true ? placedTenant(run) : undefined;
}

/** Takes a tenant apart; also the clean-up of a cancelled create. There is no way back from its first step on. */
export const DISMANTLE: readonly Step[] = [
  { name: "lift-protection", cancel: "ignored", run: liftProtection },
  { name: "drop-data", cancel: "ignored", run: dropData },
  { name: "destroy", cancel: "ignored", run: destroy },
  { name: "drop-topics", cancel: "ignored", run: dropTopics },
  { name: "forget", cancel: "ignored", run: forget },
];

export const DELETE: readonly Step[] = [
  { name: "quiesce", cancel: "last-chance", run: quiesce },
  ...DISMANTLE,
];
