import { onBothSides, type Move } from "./move-session.ts";

/**
 * Tells the target what people have done about dead letters in the source since it was frozen: that comes by no log. To
 * be called when the source is closed; who handles letters turns away from a closed tenant.
 * @returns how many letters the target learnt of
 */
export async function carryHandling(move: Move): Promise<number> {
  const { tenant } = move;
  return onBothSides(move, async (source, target) => {
    const { rows } = await source.query<{
      log_ref: bigint;
      ordinal: number | null;
      state: string;
      handled_at: string;
      handled_by: string;
    }>(
      `select log_ref, ordinal, state, handled_at::text, handled_by from millwright.dead_letter
        where tenant = $1 and state <> 'open'
          and handled_at >= coalesce((select since from millwright.frozen_tenant where tenant = $1), '-infinity')`,
      [tenant],
    );
    const { rowCount } = await target.query(
      `update millwright.dead_letter known
          set state = handled.state, handled_at = handled.handled_at, handled_by = handled.handled_by
         from unnest($2::bigint[], $3::smallint[], $4::text[], $5::timestamptz[], $6::text[])
              as handled (log_ref, ordinal, state, handled_at, handled_by)
        where known.tenant = $1 and known.log_ref = handled.log_ref
          and known.ordinal is not distinct from handled.ordinal`,
      [
        tenant,
        rows.map((row) => row.log_ref),
        rows.map((row) => row.ordinal),
        rows.map((row) => row.state),
        rows.map((row) => row.handled_at),
        rows.map((row) => row.handled_by),
      ],
    );
    return rowCount ?? 0;
  });
}
