import { removeDedicatedCell } from "../../../../data/catalog/cell.ts";
import { inOwnership } from "../../../../data/catalog/ownership.ts";
import { removeShadow } from "../../../../data/catalog/shadow.ts";
import { recordSystemEvent } from "../../../../data/catalog/system-event.ts";
import { openMove, setMoveState } from "../../../../data/catalog/tenant-move.ts";
import { setTenantState } from "../../../../data/catalog/tenant.ts";
import { readCellSecret, requireCellSecret } from "../../../../data/cell/cell-secret.ts";
import { dropShadowRows } from "../../../../data/cell/drop-shadow-rows.ts";
import { thawTenant } from "../../../../data/cell/freeze.ts";
import { tenantSession } from "../stack.ts";
import type { OperationRun, Step } from "../step.ts";
import { claimedWay, movingOrUnplaced, movingTenant } from "./moving.ts";

/** Consumers let go of the target. */
async function releaseTarget(run: OperationRun) {
  const { owned, deps } = run;
  const { other } = await movingOrUnplaced(run);
  if (other === undefined) return { skipped: "no target was chosen" };
  await inOwnership(deps.catalog.service, owned, (tx) => removeShadow(tx, owned.tenant, other.cell));
  return undefined;
}

async function dropTargetData(run: OperationRun) {
  const { owned, deps } = run;
  const { other, placement } = await movingOrUnplaced(run);
  if (other?.tier !== "shared") return { skipped: "the whole cell goes" };
  const secret = await readCellSecret(deps.secrets, other.cell);
  if (secret === undefined) return { skipped: "the cell was never built" };
  await claimedWay(run, await movingTenant(run)); // a copy that still runs would bring rows back
  return { rows: await dropShadowRows(secret, owned.tenant, placement.epoch) };
}

async function removeTarget(run: OperationRun) {
  const { home, other, ...placed } = await movingOrUnplaced(run);
  if (other === undefined) return { skipped: "no target was chosen" };
  const session = await tenantSession(run, placed, [{ ...home, isProtected: true }]);
  return { changes: await session.up() };
}

async function settleSource(run: OperationRun) {
  const { owned, deps } = run;
  const { tenant } = owned;
  if ((await openMove(deps.catalog.service, tenant)) === undefined) return undefined; // done, and killed before that was recorded
  const { home, other, record } = await movingOrUnplaced(run);
  await thawTenant(await requireCellSecret(deps.secrets, home.cell), tenant);
  if (other?.tier === "dedicated") await deps.secrets.remove(`cell-${other.cell}`);
  await inOwnership(deps.catalog.service, owned, async (tx) => {
    if (other !== undefined) await removeDedicatedCell(tx, other.cell);
    await setMoveState(tx, record.operation, ["moving"], "abandoned");
    await setTenantState(tx, tenant, ["moving"], "ready");
    const detail = { operation: owned.operation, to: other?.cell ?? null };
    await recordSystemEvent(tx, { kind: "move.abandoned", tenant, detail, key: owned.operation });
  });
  return undefined;
}

/** It goes on as soon as what is away is back: half a target is nobody's. */
const ALWAYS = { cancel: "ignored", outageLimitMs: Infinity } as const;

/** Leaves the tenant as it was: from a target that nothing leads to, however far the move had come. */
export const ABANDON: readonly Step[] = [
  { name: "release-target", ...ALWAYS, run: releaseTarget },
  { name: "drop-target-data", ...ALWAYS, run: dropTargetData },
  { name: "remove-target", ...ALWAYS, run: removeTarget },
  { name: "settle-source", ...ALWAYS, run: settleSource },
];
