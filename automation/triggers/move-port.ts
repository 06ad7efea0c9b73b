import { MillwrightError } from "../../model/errors.ts";
import type { TenantId, Tier } from "../../model/tenant.ts";

/** Why a move starts, and how a second start of the same is known. */
export interface MoveDecision {
  /** The same for each try: whoever starts moves starts one for it. */
  readonly id: string;
  /** In words, for the operation's record. */
  readonly reason: string;
}

/**
 * Starts the move of a tenant to another tier.
 * @returns the operation's id
 * @throws MillwrightError what keeps it from starting: the decision stays a recommendation with that reason
 */
export type StartMove = (tenant: TenantId, target: Tier, decision: MoveDecision) => Promise<string>;

/** Where nothing moves tenants. */
export const noMoves: StartMove = () =>
  Promise.reject(new MillwrightError("move-unavailable", "This platform does not move tenants yet."));
