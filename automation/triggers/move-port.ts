import type { TenantId, Tier } from "../../model/tenant.ts";
import type { Actor, OperationService } from "../operations/service.ts";

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

const TRIGGERS: Actor = { id: "triggers", role: "platform" };

/** The decision is the key of idempotency: twice started is once moved. */
export function movesByOperation(operations: Pick<OperationService, "startMove">): StartMove {
  return async (tenant, tier, { id: decision, reason }) => {
    const request = { actor: TRIGGERS, idempotencyKey: decision, reason };
    const { id } = await operations.startMove(tenant, { tier, decision }, request);
    return id;
  };
}
