import type pg from "pg";
import type { TimeRange } from "../../../model/move-range.ts";
import { READING_TYPES, TABLES, type ReadingType } from "../../../model/reading.ts";
import type { TenantId } from "../../../model/tenant.ts";
import { expectOwner, fenced, type Move } from "./move-session.ts";
import type { Proof } from "./proof.ts";

/** A range of the ledger, which lies in the target. */
export interface MoveRange {
  readonly id: bigint;
  readonly type: ReadingType;
  /** As the database writes it, infinite ones too; inclusive. */
  readonly from: string;
  /** Exclusive. */
  readonly to: string;
  readonly rowCount: bigint;
  readonly copyCount: number;
  readonly isDone: boolean;
  /** What both sides had in common when they were compared. */
  readonly proof: Proof | undefined;
}

/** Writes the plan, where there is none. Plans of two zombies would be two copies of everything. */
export async function planOnce(
  target: pg.Client,
  move: Move,
  ranges: ReadonlyMap<ReadingType, readonly TimeRange[]>,
): Promise<void> {
  const { tenant } = move;
  const planned = [...ranges].flatMap(([type, ofType]) =>
    ofType.map((range) => ({ table: TABLES[type], ...range })),
  );
  await target.query("begin");
  await target.query("select from millwright.move where tenant = $1 for update", [tenant]);
  await expectOwner(target, move);
  await target.query(
    `insert into millwright.move_range (tenant, table_name, from_time, to_time, row_count)
     select $1, table_name, to_timestamp(from_ms / 1000), to_timestamp(to_ms / 1000), row_count
       from unnest($2::text[], $3::float8[], $4::float8[], $5::bigint[]) as r (table_name, from_ms, to_ms, row_count)
      where not exists (select from millwright.move_range known where known.tenant = $1)`,
    [
      tenant,
      planned.map(({ table }) => table),
      planned.map(({ fromMs }) => fromMs),
      planned.map(({ toMs }) => toMs),
      planned.map(({ rowCount }) => rowCount),
    ],
  );
  await target.query("commit");
}

export async function readRanges(target: pg.ClientBase, tenant: TenantId): Promise<readonly MoveRange[]> {
  const { rows } = await target.query<{
    id: bigint;
    table_name: string;
    from_time: string;
    to_time: string;
    row_count: bigint;
    copy_count: number;
    is_done: boolean;
    proven_count: bigint | null;
    proven_hash: string | null;
  }>(
    `select id, table_name, from_time::text, to_time::text, row_count, copy_count, done_token is not null as is_done,
            proven_count, proven_hash::text
       from millwright.move_range where tenant = $1 order by id`,
    [tenant],
  );
  return rows.map((row) => ({
    ...{ id: row.id, type: typeOf(row.table_name), from: row.from_time, to: row.to_time },
    ...{ rowCount: row.row_count, copyCount: row.copy_count, isDone: row.is_done },
    proof:
      row.proven_count === null || row.proven_hash === null
        ? undefined
        : { count: row.proven_count, hash: row.proven_hash },
  }));
}

/**
 * Compare-and-set in the transaction of the copy: from pending to done, once, by the owner of the move. A copy that
 * comes second, or whose owner is one no more, is undone with its rows.
 * @throws MillwrightError `operation-fenced`
 */
export async function finishRange(tx: pg.ClientBase, { tenant, token }: Move, id: bigint): Promise<void> {
  const { rowCount } = await tx.query(
    `update millwright.move_range r set done_token = $3, copy_count = copy_count + 1
      where r.id = $2 and r.tenant = $1 and done_token is null
        and exists (select from millwright.move m where m.tenant = $1 and m.token = $3)`,
    [tenant, id, token],
  );
  if (rowCount !== 1) throw fenced(tenant);
}

/** What differs is pending again. */
export async function reopenRange(target: pg.ClientBase, { tenant, token }: Move, id: bigint): Promise<void> {
  const { rowCount } = await target.query(
    `update millwright.move_range set done_token = null, proven_count = null, proven_hash = null
      where id = $2 and tenant = $1 and exists (select from millwright.move m where m.tenant = $1 and m.token = $3)`,
    [tenant, id, token],
  );
  if (rowCount !== 1) throw fenced(tenant);
}

/**
 * Writes down what both sides have in common, of the copy that was compared.
 * @throws MillwrightError `operation-fenced` when it was copied again since
 */
export async function keepProof(
  target: pg.ClientBase,
  { tenant }: Move,
  { id, copyCount }: MoveRange,
  { count, hash }: Proof,
): Promise<void> {
  const { rowCount } = await target.query(
    `update millwright.move_range set proven_count = $4, proven_hash = $5::numeric
      where id = $2 and tenant = $1 and copy_count = $3 and done_token is not null`,
    [tenant, id, copyCount, count, hash],
  );
  if (rowCount !== 1) throw fenced(tenant);
}

/** What is left of the move into this cell goes when the tenant has no way back. */
export async function forgetMove(target: pg.ClientBase, tenant: TenantId): Promise<void> {
  for (const table of ["move_range", "move_mark", "move"])
    await target.query(`delete from millwright.${table} where tenant = $1`, [tenant]);
}

function typeOf(table: string): ReadingType {
  const type = READING_TYPES.find((one) => TABLES[one] === table);
  if (type === undefined) throw new RangeError(`${table} is no series`);
  return type;
}
