import type { CellSite } from "../../../../data/catalog/cell.ts";
import { expectMove, openMove, type TenantMove } from "../../../../data/catalog/tenant-move.ts";
import { requireCellSecret } from "../../../../data/cell/cell-secret.ts";
import { claimMove } from "../../../../data/cell/move/mark.ts";
import type { Move } from "../../../../data/cell/move/move-session.ts";
import { MillwrightError } from "../../../../model/errors.ts";
import type { FlipDeps } from "../../../moves/flip-tenant.ts";
import { homesOf, placedTenant, type PlacedTenant } from "../stack.ts";
import type { OperationRun } from "../step.ts";

/** Longer than any restart, and than a database that stands still for half a minute; then the target is taken away again. */
export const MOVE_OUTAGE_LIMIT_MS = 120_000;

/** A tenant between two cells. */
export interface MovingTenant extends PlacedTenant {
  readonly record: TenantMove;
  readonly home: CellSite;
  /** The cell that the tenant goes to, or came from. */
  readonly other: CellSite;
}

/** Read anew by each step: the catalog, not the process, remembers. */
export async function movingTenant(run: OperationRun): Promise<MovingTenant> {
  const moving = await movingOrUnplaced(run);
  if (moving.other !== undefined) return { ...moving, other: moving.other };
  throw new MillwrightError("internal", `The move of ${run.owned.tenant} has no target yet.`);
}

/** {@link movingTenant}, also of a move that has not come to choosing its target. */
export async function movingOrUnplaced(
  run: OperationRun,
): Promise<Omit<MovingTenant, "other"> & { readonly other: CellSite | undefined }> {
  const { service } = run.deps.catalog;
  const placed = await placedTenant(run);
  const record = expectMove(await openMove(service, run.owned.tenant), run.owned.tenant);
  const [home, other] = await homesOf(run, placed.placement);
  if (home === undefined) throw new MillwrightError("internal", `${run.owned.tenant} has no home.`);
  return { ...placed, record, home, other };
}

/** From home to the other cell, in the name of this owner. */
export async function wayOf({ owned, deps }: OperationRun, { home, other }: MovingTenant): Promise<Move> {
  return {
    tenant: owned.tenant,
    source: await requireCellSecret(deps.secrets, home.cell),
    target: await requireCellSecret(deps.secrets, other.cell),
    token: owned.fencingToken,
  };
}

/** {@link wayOf}, and ends what earlier owners still do on it. @throws MillwrightError `operation-fenced` */
export async function claimedWay(run: OperationRun, moving: MovingTenant): Promise<Move> {
  const move = await wayOf(run, moving);
  await claimMove(move);
  return move;
}

export function flipDeps({ deps }: OperationRun): FlipDeps {
  return { service: deps.catalog.service, secretOf: (cell) => requireCellSecret(deps.secrets, cell) };
}
