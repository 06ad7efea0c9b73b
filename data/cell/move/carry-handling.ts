import type { Sides } from "./move-session.ts";

/** A dead letter's place, and what was done about it. */
interface Handled {
  readonly log_ref: bigint;
  readonly ordinal: number | null;
  readonly state: string;
  readonly handled_at: string | null;
  readonly handled_by: string | null;
  readonly is_exported: boolean;
}

/**
 * Tells the target what was done about dead letters in the source, which comes by no log: what people have decided since
 * it was frozen, and which letters the tenant's topic has. For the last time when the source is closed: who handles
 * letters turns away then. Done before as well, it leaves little to do. A letter that is on its way out at that moment is
 * exported twice, as its readers must expect at any time.
 */
export async function carryHandling({ tenant, source, target }: Sides): Promise<void> {
  const { rows: unexported } = await target.query<Pick<Handled, "log_ref" | "ordinal">>(
    "select log_ref, ordinal from millwright.dead_letter where tenant = $1 and not is_exported",
    [tenant],
  );
  const { rows: handled } = await source.query<Handled>(
    // -1 for none: NULL equals nothing
    `select log_ref, ordinal, state, handled_at::text, handled_by, is_exported from millwright.dead_letter
        where tenant = $1
          and (handled_at >= coalesce((select since from millwright.frozen_tenant where tenant = $1), '-infinity')
               or is_exported and (log_ref, coalesce(ordinal, -1)) in
                                  (select * from unnest($2::bigint[], $3::int[])))`,
    [tenant, unexported.map((row) => row.log_ref), unexported.map((row) => row.ordinal ?? -1)],
  );
  await target.query(
    `update millwright.dead_letter known
          set state = handled.state, handled_at = handled.handled_at, handled_by = handled.handled_by,
              is_exported = known.is_exported or handled.is_exported
         from unnest($2::bigint[], $3::smallint[], $4::text[], $5::timestamptz[], $6::text[], $7::bool[])
              as handled (log_ref, ordinal, state, handled_at, handled_by, is_exported)
        where known.tenant = $1 and known.log_ref = handled.log_ref
          and known.ordinal is not distinct from handled.ordinal`,
    [
      tenant,
      handled.map((row) => row.log_ref),
      handled.map((row) => row.ordinal),
      handled.map((row) => row.state),
      handled.map((row) => row.handled_at),
      handled.map((row) => row.handled_by),
      handled.map((row) => row.is_exported),
    ],
  );
}
