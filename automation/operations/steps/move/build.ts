import { claimDedicatedCell, claimSharedCell } from "../../../../data/catalog/cell.ts";
import { checkOwnership, inOwnership } from "../../../../data/catalog/ownership.ts";
import { setTargetCell } from "../../../../data/catalog/tenant-move.ts";
import { freezeTenant } from "../../../../data/cell/freeze.ts";
import { requireCellSecret } from "../../../../data/cell/cell-secret.ts";
import { refuseMove, type MoveTarget } from "../../../../model/move-gate.ts";
import { dedicatedCellName } from "../../../../model/tenant.ts";
import { targetRefusals } from "../../../moves/cell-checks.ts";
import { planMove } from "../../../moves/plan-move.ts";
import { serverOf } from "../../stack-config.ts";
import { storeLogins, tenantSession } from "../stack.ts";
import type { OperationRun } from "../step.ts";
import { claimedWay, movingOrUnplaced, movingTenant } from "./moving.ts";

/** Of the request, kept as the operation's input. */
function wanted({ owned }: OperationRun): MoveTarget {
  return owned.input as unknown as MoveTarget;
}

/** What the catalog knows was checked with the request; others may have taken the room since. */
export async function preflight(run: OperationRun) {
  const { owned, deps } = run;
  const { tenant, operation } = owned;
  const { refusals, size } = await planMove(deps, { tenant, target: wanted(run), operation });
  refuseMove(refusals);
  return { estimate: size?.estimate };
}

export async function placeTarget(run: OperationRun) {
  const { owned, deps } = run;
  const { record } = await movingOrUnplaced(run);
  if (record.targetCell !== null) return { cell: record.targetCell };
  return inOwnership(deps.catalog.service, owned, async (tx) => {
    const { sourceCell, targetTier } = record;
    let cell: string;
    if (targetTier === "dedicated") {
      cell = dedicatedCellName(owned.tenant, sourceCell);
      await claimDedicatedCell(tx, cell, deps.dedicatedCellUrls.map(serverOf));
    } else cell = await claimSharedCell(tx, { except: sourceCell, wanted: wanted(run).cell });
    await setTargetCell(tx, record.operation, cell);
    return { cell };
  });
}

/**
 * Builds the target beside the source. It is not protected until it is home: a move that is given up takes it away in
 * one run of the engine.
 */
export async function buildTarget(run: OperationRun) {
  const { home, other, ...placed } = await movingTenant(run);
  const homes = [
    { ...home, isProtected: true },
    { ...other, isProtected: false },
  ];
  const session = await tenantSession(run, placed, homes);
  await session.preview(); // the policies, before anything is made
  const changes = await session.up();
  await storeLogins(run, session);
  return { changes };
}

/** The stack's outputs name the home where the tenant is now, and neither home can be destroyed by mistake. */
export async function protectHome(run: OperationRun) {
  const { home, other, ...placed } = await movingTenant(run);
  const homes = [home, other].map((site) => ({ ...site, isProtected: true }));
  const session = await tenantSession(run, placed, homes);
  const changes = await session.up();
  await storeLogins(run, session);
  return { changes };
}

/** Whether the target can hold what the source has, now that it is there. */
export async function checkTarget(run: OperationRun) {
  const { owned, deps } = run;
  const { home, other } = await movingTenant(run);
  const [source, target] = [
    await requireCellSecret(deps.secrets, home.cell),
    await requireCellSecret(deps.secrets, other.cell),
  ];
  refuseMove(await targetRefusals(source, target, owned.tenant));
  return undefined;
}

/** Tables and a fence, but no positions: nobody follows yet. From here on neither cell loses rows by itself. */
export async function prepareTarget(run: OperationRun) {
  const { owned, deps } = run;
  const moving = await movingTenant(run);
  const { other, tenant, placement } = moving;
  const secret = await requireCellSecret(deps.secrets, other.cell);
  await checkOwnership(deps.catalog.service, owned);
  if (other.tier === "dedicated") await deps.cells.prepareCell(secret); // a shared one is, since the start
  const { machines } = tenant;
  const { epoch } = placement;
  await deps.cells.prepareTenant(secret, { tenant: tenant.id, machines, topics: [], epoch, role: "shadow" });
  const { source, target } = await claimedWay(run, moving);
  for (const cell of [source, target]) await freezeTenant(cell, tenant.id);
  return undefined;
}
