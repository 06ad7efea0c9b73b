import type { Tier } from "../../model/tenant.ts";
import type { Queryable } from "../pool.ts";

/** Fewer rows say little of a rate. */
const LEAST_ROWS = 100_000;

/** How fast the last large copy of a move went. */
export async function lastCopyRate(service: Queryable): Promise<number | undefined> {
  const { rows } = await service.query<{ rate: number }>(
    `select round((s.detail ->> 'rowsPerSecond')::float8) as rate
       from operation_step s join operation o using (operation)
      where o.kind = 'move' and s.name = 'copy' and s.status = 'succeeded'
        and (s.detail ->> 'rows')::float8 >= $1 and (s.detail ->> 'rowsPerSecond')::float8 > 0
      order by s.finished_at desc limit 1`,
    [LEAST_ROWS],
  );
  return rows[0]?.rate;
}

/** How long writers waited in half of the last flips, as one from outside saw it. */
export async function usualPauseMs(service: Queryable): Promise<number | undefined> {
  const { rows } = await service.query<{ ms: number | null }>(
    `select round(percentile_cont(0.5) within group (order by ms)) as ms
       from (select (detail #>> '{pause,seen,pauseMs}')::float8 as ms from operation_step
              where name = 'flip' and status = 'succeeded' and detail #>> '{pause,seen,pauseMs}' is not null
              order by finished_at desc limit 30) flip`,
  );
  return rows[0]?.ms ?? undefined;
}

/** How long the engine took last to build what a tenant of this tier has. */
export async function lastBuildMs(service: Queryable, tier: Tier): Promise<number | undefined> {
  const { rows } = await service.query<{ ms: number }>(
    `select round(extract(epoch from s.finished_at - s.started_at) * 1000)::float8 as ms
       from operation_step s join operation o using (operation)
      where s.name in ('up', 'build-target') and s.status = 'succeeded' and o.input ->> 'tier' = $1
      order by s.finished_at desc limit 1`,
    [tier],
  );
  return rows[0]?.ms;
}
