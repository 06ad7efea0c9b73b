import { readFlip } from "../../../../data/catalog/flip.ts";
import { inOwnership } from "../../../../data/catalog/ownership.ts";
import { hasWayBack } from "../../../../data/catalog/shadow.ts";
import { recordSystemEvent } from "../../../../data/catalog/system-event.ts";
import { keepProven, openMove, setMoveState } from "../../../../data/catalog/tenant-move.ts";
import { changeTier, setTenantState } from "../../../../data/catalog/tenant.ts";
import { carryHandling } from "../../../../data/cell/move/carry-handling.ts";
import { onBothSides } from "../../../../data/cell/move/move-session.ts";
import { hasCode, MillwrightError } from "../../../../model/errors.ts";
import { endFlip, flipTenant } from "../../../moves/flip-tenant.ts";
import { startPauseProbe, type SeenPause } from "../../../moves/pause-probe.ts";
import type { OperationRun, StepRun } from "../step.ts";
import { provenSince } from "./copy.ts";
import { GrowingProof } from "./growing-proof.ts";
import { flipDeps, movingTenant, wayOf, type MovingTenant } from "./moving.ts";

/** Attempts that a pause of somebody else's can spoil; what spoils so many is no accident. */
const MAX_ATTEMPTS = 5;

/** Makes the target of a move the tenant's home. */
export const flip = (run: StepRun) => flipTo(run, "targetCell", "moved");

/** Makes the source of a move the tenant's home again. */
export const flipBack = (run: StepRun) => flipTo(run, "sourceCell", "rolled-back");

async function flipTo(run: StepRun, goal: "targetCell" | "sourceCell", state: "moved" | "rolled-back") {
  const { owned, deps } = run;
  const pause = await tryToFlip(run, goal);
  const { placement, home, other, record } = await movingTenant(run);
  await inOwnership(deps.catalog.service, owned, async (tx) => {
    await changeTier(tx, owned.tenant, home.tier);
    await setMoveState(tx, record.operation, ["moving", "moved"], state);
    await setTenantState(tx, owned.tenant, ["moving"], "ready");
    const detail = { operation: owned.operation, from: other.cell, to: home.cell };
    const kind = state === "moved" ? "tenant.moved" : "tenant.rolled-back";
    await recordSystemEvent(tx, { kind, tenant: owned.tenant, detail, key: owned.operation });
  });
  return { cell: home.cell, epoch: Number(placement.epoch), pause };
}

/** How long the tenant's writers waited; null: not measured to the end. */
export interface FlipPause {
  readonly seen: SeenPause | null;
  readonly flipMs: number | null;
}

async function tryToFlip(run: StepRun, goal: "targetCell" | "sourceCell"): Promise<FlipPause> {
  const { tenant } = run.owned;
  for (let attempt = 1; ; attempt++) {
    const moving = await movingTenant(run);
    // Decided already, and killed before that was recorded: the cells may not all know it.
    if (moving.home.cell === moving.record[goal]) {
      await endFlip(flipDeps(run), tenant, moving.placement.epoch);
      return { seen: null, flipMs: null };
    }
    try {
      return await attemptFlip(run, moving);
    } catch (error) {
      const isSpoilt = hasCode(error, "flip-aborted") || hasCode(error, "placement-changed");
      if (!isSpoilt || attempt === MAX_ATTEMPTS) throw error;
      run.report({ attempt, again: error.message });
      // What somebody else has begun, or we have left, is ended first.
      const flipping = await readFlip(run.deps.catalog.service, tenant);
      if (flipping !== undefined) await endFlip(flipDeps(run), tenant, flipping.epoch);
    }
  }
}

/** Brings the proof up to the present, so that the pause has to prove a moment only, and flips. */
async function attemptFlip(run: StepRun, moving: MovingTenant): Promise<FlipPause> {
  const { owned, deps, signal: ending } = run;
  const { tenant } = owned;
  const move = await wayOf(run, moving);
  return onBothSides(move, async (source, target) => {
    const sides = { tenant, source, target };
    const tail = new GrowingProof(sides, await provenSince(moving, move));
    await carryHandling(sides);
    // Twice: the first may take long, and what came meanwhile the second proves.
    for (let round = 0; round < 2; round++) await tail.proveToNow(ending);
    const probe = await startPauseProbe(flipDeps(run), tenant);
    const startedAtMs = performance.now();
    try {
      await flipTenant(flipDeps(run), {
        ...{ tenant, epoch: moving.placement.epoch, target: moving.other.cell, graceMs: deps.moveGraceMs },
        prove: async (signal) => {
          await tail.proveToNow(signal);
          await carryHandling(sides);
          await keepProven(deps.catalog.service, moving.record.operation, tail.proven);
        },
      });
      const flipMs = performance.now() - startedAtMs;
      return { seen: await probe.stop(), flipMs };
    } catch (error) {
      await probe.stop();
      throw error;
    }
  });
}

/** @throws MillwrightError `rollback-too-late` */
export async function checkWayBack(run: StepRun) {
  const { record, other } = await movingTenant(run);
  const { service } = run.deps.catalog;
  if (record.state !== "moved" || !(await hasWayBack(service, run.owned.tenant)))
    throw new MillwrightError("rollback-too-late", `The way back to ${other.cell} is closed.`);
  // What was proven on the way there is in that receipt.
  if (record.proven !== undefined)
    await keepProven(service, record.operation, { ...record.proven, tails: [] });
  return { to: other.cell };
}

/** Ends a flip that a move has left, one way or the other. @returns where the tenant is at home then */
export async function whereFlipEnded(run: OperationRun): Promise<"source" | "target"> {
  const { service } = run.deps.catalog;
  const flipping = await readFlip(service, run.owned.tenant);
  if (flipping !== undefined) await endFlip(flipDeps(run), run.owned.tenant, flipping.epoch);
  const record = await openMove(service, run.owned.tenant);
  return record !== undefined && record.targetCell === (await readFlip(service, run.owned.tenant))?.cell
    ? "target"
    : "source";
}
