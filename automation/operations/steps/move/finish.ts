import { removeDedicatedCell } from "../../../../data/catalog/cell.ts";
import { readFlip } from "../../../../data/catalog/flip.ts";
import { getOperation } from "../../../../data/catalog/operation.ts";
import { checkOwnership, inOwnership, setResult } from "../../../../data/catalog/ownership.ts";
import { removeShadow } from "../../../../data/catalog/shadow.ts";
import { recordSystemEvent } from "../../../../data/catalog/system-event.ts";
import { openMove, setMoveState } from "../../../../data/catalog/tenant-move.ts";
import { requireCellSecret } from "../../../../data/cell/cell-secret.ts";
import { dropShadowRows } from "../../../../data/cell/drop-shadow-rows.ts";
import { thawTenant } from "../../../../data/cell/freeze.ts";
import { forgetMove } from "../../../../data/cell/move/ledger.ts";
import { asMover } from "../../../../data/cell/move/move-session.ts";
import { MillwrightError } from "../../../../model/errors.ts";
import { collectCell } from "../../../metering/collect-cell.ts";
import { storeLogins, tenantSession } from "../stack.ts";
import type { OperationRun, Step, StepRun } from "../step.ts";
import { MOVE_OUTAGE_LIMIT_MS, movingTenant } from "./moving.ts";
import { cleanUpReceipt } from "./receipt.ts";

/** From here on there is no way back, and the consumers let go of the old home. */
async function letGo(run: OperationRun) {
  const { owned, deps } = run;
  const { record, home, other } = await movingTenant(run);
  await inOwnership(deps.catalog.service, owned, async (tx) => {
    // The last receipt names it; behind this step it would be too late to find that there is none.
    if ((await getOperation(tx, record.operation)).result === null)
      throw new MillwrightError(
        "tenant-not-ready",
        `The move has no receipt; retry operation ${record.operation}.`,
      );
    const flip = await readFlip(tx, owned.tenant);
    const isAtRest = flip?.state === "stable" && flip.flipSource === undefined && flip.cell === home.cell;
    if (
      !isAtRest ||
      !(await setMoveState(tx, record.operation, ["moved", "rolled-back", "finishing"], "finishing"))
    )
      throw new MillwrightError("tenant-not-ready", `${owned.tenant} is not at rest in its new home.`, {
        retryable: true,
      });
    await removeShadow(tx, owned.tenant, other.cell);
  });
  return { from: other.cell };
}

/** The engine refuses to delete what is protected. */
async function liftProtection(run: OperationRun) {
  const { home, other, ...placed } = await movingTenant(run);
  const homes = [
    { ...home, isProtected: true },
    { ...other, isProtected: false },
  ];
  const session = await tenantSession(run, placed, homes);
  const changes = await session.up();
  await storeLogins(run, session);
  return { changes };
}

async function dropOldData(run: OperationRun) {
  const { owned, deps } = run;
  const { service } = deps.catalog;
  const { other, placement } = await movingTenant(run);
  const secret = await requireCellSecret(deps.secrets, other.cell);
  // What the cell's database did for the tenant is counted there and nowhere else.
  const cell = { name: other.cell, secret, catalog: service };
  await collectCell(cell, { nowMs: Date.now(), measuresStorage: false });
  if (other.tier === "dedicated") return { skipped: "the whole cell goes" };
  await checkOwnership(service, owned);
  return { rows: await dropShadowRows(secret, owned.tenant, placement.epoch) };
}

async function removeOldHome(run: OperationRun) {
  const { home, ...placed } = await movingTenant(run);
  const session = await tenantSession(run, placed, [{ ...home, isProtected: true }]);
  return { changes: await session.up() };
}

async function close(run: StepRun) {
  const { owned, deps } = run;
  const { tenant } = owned;
  if ((await openMove(deps.catalog.service, tenant)) === undefined) return undefined; // done, and killed before that was recorded
  const moving = await movingTenant(run);
  const { home, other, record } = moving;
  const receipt = await cleanUpReceipt(run, moving);
  const secret = await requireCellSecret(deps.secrets, home.cell);
  await thawTenant(secret, tenant);
  await asMover({ tenant, token: owned.fencingToken }, secret, (client) => forgetMove(client, tenant));
  if (other.tier === "dedicated") await deps.secrets.remove(`cell-${other.cell}`);
  await inOwnership(deps.catalog.service, owned, async (tx) => {
    await removeDedicatedCell(tx, other.cell);
    await setMoveState(tx, record.operation, ["finishing"], "finished");
    const detail = { operation: owned.operation, emptied: other.cell };
    await recordSystemEvent(tx, { kind: "move.finished", tenant, detail, key: owned.operation });
    await setResult(tx, owned.operation, { home: home.cell, emptied: other.cell, receipt });
  });
  return undefined;
}

const FORWARD = { cancel: "ignored", outageLimitMs: MOVE_OUTAGE_LIMIT_MS } as const;

/** Takes away the cell that a tenant has left: after the grace period, or when somebody says that it is over. */
export const FINISH_MOVE: readonly Step[] = [
  { name: "let-go", ...FORWARD, cancel: "last-chance", run: letGo },
  { name: "lift-protection", ...FORWARD, run: liftProtection },
  { name: "drop-old-data", ...FORWARD, run: dropOldData },
  { name: "remove-old-home", ...FORWARD, run: removeOldHome },
  { name: "receipt", ...FORWARD, run: close },
];
