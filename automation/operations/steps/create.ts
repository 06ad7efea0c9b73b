import { claimDedicatedCell, claimSharedCell } from "../../../data/catalog/cell.ts";
import { makeDefaultRules } from "../../../data/catalog/rule.ts";
import { checkOwnership, inOwnership } from "../../../data/catalog/ownership.ts";
import {
  makePlacementStable,
  markStackBegun,
  placementOf,
  placeTenant,
} from "../../../data/catalog/placement.ts";
import { recordSystemEvent } from "../../../data/catalog/system-event.ts";
import { getTenant, setTenantState } from "../../../data/catalog/tenant.ts";
import { dedicatedCellName } from "../../../model/tenant.ts";
import { budgetViolations } from "../../cost/cost-gate.ts";
import { gateViolations, readGateFacts, refuseViolations } from "../gate.ts";
import { serverOf } from "../stack-config.ts";
import { prepareSeries } from "./series.ts";
import {
  homesOf,
  placedTenant,
  stackOutputs,
  storeLogins,
  tenantSession,
  type PlacedTenant,
} from "./stack.ts";
import type { OperationRun, Step } from "./step.ts";

/** Again, though the request was checked: a retry may come when others have taken the room. */
async function gate({ owned, deps }: OperationRun) {
  const { service } = deps.catalog;
  const tenant = await getTenant(service, owned.tenant);
  refuseViolations([
    ...gateViolations(await readGateFacts(service, tenant)),
    ...(await budgetViolations(service, tenant, deps)),
  ]);
  return undefined;
}

async function place({ owned, deps }: OperationRun) {
  const { tenant } = owned;
  return inOwnership(deps.catalog.service, owned, async (tx) => {
    const placed = await placementOf(tx, tenant);
    if (placed !== undefined) return { cell: placed.cell };
    const facts = await getTenant(tx, tenant);
    const { tier } = facts;
    const cell = tier === "dedicated" ? dedicatedCellName(tenant) : await claimSharedCell(tx);
    if (tier === "dedicated") await claimDedicatedCell(tx, cell, deps.dedicatedCellUrls.map(serverOf));
    await placeTenant(tx, facts, cell);
    return { cell };
  });
}

/** The engine on the stack with the tenant's one home. */
async function sessionOf(run: OperationRun, placed: PlacedTenant) {
  const homes = await homesOf(run, placed.placement);
  const all = homes.map((home) => ({ ...home, isProtected: true }));
  return tenantSession(run, placed, all);
}

/** The gate that sees the resources: the policy pack runs over the plan before anything is made. */
async function preview(run: OperationRun) {
  const session = await sessionOf(run, await placedTenant(run));
  return { changes: await session.preview() };
}

async function up(run: OperationRun) {
  const { owned, deps } = run;
  const placed = await placedTenant(run);
  await inOwnership(deps.catalog.service, owned, (tx) => markStackBegun(tx, owned.tenant));
  const session = await sessionOf(run, placed);
  return { changes: await session.up() };
}

async function storeSecrets(run: OperationRun) {
  await storeLogins(run, await sessionOf(run, await placedTenant(run)));
  return undefined;
}

async function createTopics(run: OperationRun) {
  const { owned, deps } = run;
  const { log } = await stackOutputs(await sessionOf(run, await placedTenant(run)));
  await checkOwnership(deps.catalog.service, owned);
  for (const { topic, partitions, retentionMs } of log.topics)
    await deps.log.createTopic(topic, partitions, { retentionMs });
  return { topics: log.topics.map(({ topic }) => topic) };
}

async function activate({ owned, deps }: OperationRun) {
  await inOwnership(deps.catalog.service, owned, async (tx) => {
    await makePlacementStable(tx, owned.tenant);
    // With the change, which happens once: a repeated step must not bring back a rule that was deleted.
    const isNew = await setTenantState(tx, owned.tenant, ["creating"], "ready");
    if (isNew) await makeDefaultRules(tx, owned.tenant);
    await recordSystemEvent(tx, { kind: "tenant.created", tenant: owned.tenant, key: owned.operation });
  });
  return undefined;
}

/** From a row in the catalog to a tenant that can be written and read. */
export const CREATE: readonly Step[] = [
  { name: "gate", cancel: "heard", run: gate },
  { name: "place", cancel: "heard", run: place },
  { name: "preview", cancel: "heard", run: preview },
  { name: "up", cancel: "heard", run: up },
  { name: "store-secrets", cancel: "heard", run: storeSecrets },
  { name: "prepare-data", cancel: "heard", run: prepareSeries },
  { name: "create-topics", cancel: "heard", run: createTopics },
  { name: "activate", cancel: "last-chance", run: activate },
];
