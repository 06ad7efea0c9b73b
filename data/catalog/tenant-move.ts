import { MillwrightError } from "../../model/errors.ts";
import type { TenantId, Tier } from "../../model/tenant.ts";
import type { Position } from "../cell/move/positions.ts";
import type { Queryable } from "../pool.ts";

/**
 * Where a move stands. `moving`: the source is home. `moved` and `rolled-back`: the flip has been, one way or both, and the
 * cell that is home no more follows as the way back. `finishing`: it is being emptied. `abandoned` and `finished`: it is,
 * and the move has ended.
 */
export type MoveState = "moving" | "moved" | "rolled-back" | "finishing" | "abandoned" | "finished";

/** What came by the log into both cells, as both counted it; numbers as text. */
export interface ProvenTail {
  readonly from: readonly TextPosition[];
  readonly until: readonly TextPosition[];
  readonly series: readonly { readonly type: string; readonly rowCount: string; readonly hash: string }[];
}

export interface TextPosition extends Omit<Position, "nextOffset"> {
  readonly nextOffset: string;
}

/** How far the two cells are proven to be the same. */
export interface Proven {
  readonly positions: readonly Position[];
  readonly tails: readonly ProvenTail[];
}

export interface TenantMove {
  /** Of the move, also while a rollback or a clean-up is at it. */
  readonly operation: string;
  readonly tenant: TenantId;
  readonly state: MoveState;
  readonly sourceCell: string;
  readonly sourceTier: Tier;
  /** null: not chosen yet */
  readonly targetCell: string | null;
  readonly targetTier: Tier;
  /** Of the trigger that asked for it; null: a person did. */
  readonly decision: string | null;
  /** undefined: up to the mark. */
  readonly proven: Proven | undefined;
  readonly startedAt: Date;
  readonly flippedAt: Date | null;
}

interface Row extends Omit<TenantMove, "proven"> {
  readonly proven: {
    readonly positions: readonly TextPosition[];
    readonly tails: readonly ProvenTail[];
  } | null;
}

const SELECT = `select operation, tenant, state, source_cell as "sourceCell", source_tier as "sourceTier",
       target_cell as "targetCell", target_tier as "targetTier", decision, proven,
       started_at as "startedAt", flipped_at as "flippedAt" from tenant_move`;

/** The tenant's move that has not ended. */
export async function openMove(db: Queryable, tenant: TenantId): Promise<TenantMove | undefined> {
  const { rows } = await db.query<Row>(
    `${SELECT} where tenant = $1 and state not in ('abandoned', 'finished')`,
    [tenant],
  );
  return rows.map(moveOf)[0];
}

/** The move that this operation began, in whatever state. */
export async function moveOfOperation(db: Queryable, operation: string): Promise<TenantMove | undefined> {
  const { rows } = await db.query<Row>(`${SELECT} where operation = $1`, [operation]);
  return rows.map(moveOf)[0];
}

export async function addMove(
  tx: Queryable,
  move: Pick<TenantMove, "operation" | "tenant" | "sourceCell" | "sourceTier" | "targetTier"> & {
    readonly decision: string | undefined;
  },
): Promise<void> {
  const { operation, tenant, sourceCell, sourceTier, targetTier, decision } = move;
  await tx.query(
    `insert into tenant_move (operation, tenant, source_cell, source_tier, target_tier, decision)
     values ($1, $2, $3, $4, $5, $6)`,
    [operation, tenant, sourceCell, sourceTier, targetTier, decision ?? null],
  );
}

export async function setTargetCell(tx: Queryable, operation: string, cell: string): Promise<void> {
  await tx.query("update tenant_move set target_cell = $2 where operation = $1", [operation, cell]);
}

/** Kept before a flip is decided: whoever goes on after a crash finds where the next proof begins. */
export async function keepProven(
  db: Queryable,
  operation: string,
  { positions, tails }: Proven,
): Promise<void> {
  await db.query("update tenant_move set proven = $2 where operation = $1", [
    operation,
    JSON.stringify({ positions: asText(positions), tails }),
  ]);
}

/** An offset as text: a JSON number would round it. */
export function asText(positions: readonly Position[]): TextPosition[] {
  return positions.map((position) => ({ ...position, nextOffset: String(position.nextOffset) }));
}

/**
 * Changes the state only where it is one of `from`, and notes when it was flipped or has ended.
 * @returns whether it changed
 */
export async function setMoveState(
  tx: Queryable,
  operation: string,
  from: readonly MoveState[],
  to: MoveState,
): Promise<boolean> {
  const { rowCount } = await tx.query(
    `update tenant_move set state = $3,
            flipped_at = case when $3 in ('moved', 'rolled-back') then now() else flipped_at end,
            ended_at = case when $3 in ('abandoned', 'finished') then now() end
      where operation = $1 and state = any($2)`,
    [operation, from, to],
  );
  return rowCount === 1;
}

/** Moves whose way back has been open for long enough, with nothing under way at their tenant. */
export async function dueMoves(
  service: Queryable,
): Promise<readonly Pick<TenantMove, "operation" | "tenant">[]> {
  const { rows } = await service.query<Pick<TenantMove, "operation" | "tenant">>(
    `select m.operation, m.tenant from tenant_move m join tenant t using (tenant)
      where m.state in ('moved', 'rolled-back') and t.state = 'ready'
        and exists (select from shadow s where s.tenant = m.tenant and s.until < now())
        and not exists (select from operation o where o.tenant = m.tenant and o.status in ('queued', 'running'))
      order by m.tenant`,
  );
  return rows;
}

/** @throws MillwrightError `internal`: an operation that needs an open move has found none */
export function expectMove(move: TenantMove | undefined, tenant: TenantId): TenantMove {
  if (move === undefined) throw new MillwrightError("internal", `${tenant} has no move under way.`);
  return move;
}

function moveOf({ proven, ...row }: Row): TenantMove {
  return {
    ...row,
    proven: proven === null ? undefined : { ...proven, positions: asPositions(proven.positions) },
  };
}

function asPositions(positions: readonly TextPosition[]): Position[] {
  return positions.map((position) => ({ ...position, nextOffset: BigInt(position.nextOffset) }));
}
