import type { Queryable } from "../pool.ts";

/** The right of one process to drive what it took from the queue. */
export interface Executor {
  readonly id: string;
  /** Tells machines apart: a process identity means something only there. */
  readonly host: string;
  readonly pid: number;
  /** Tells the process from a later one with the same pid. */
  readonly startTime: string;
}

/**
 * Shorter: a stalled process loses its work to a peer (which fencing survives, but the work is done twice). Longer: an
 * operation of a dead machine stands still for as long. A dead process on the same machine is seen at once.
 */
const LEASE = "10 seconds";

export async function renewLease(db: Queryable, { id, host, pid, startTime }: Executor): Promise<void> {
  await db.query(
    `insert into executor_lease (executor, host, pid, start_time, expires_at)
     values ($1, $2, $3, $4, now() + interval '${LEASE}')
     on conflict (executor) do update set expires_at = excluded.expires_at`,
    [id, host, pid, startTime],
  );
}

/** Other executors, and whether their time is over by the database's clock. */
export async function otherLeases(
  db: Queryable,
  ownId: string,
): Promise<(Executor & { readonly isExpired: boolean })[]> {
  const { rows } = await db.query<Executor & { isExpired: boolean }>(
    `select executor as id, host, pid, start_time as "startTime", expires_at < now() as "isExpired" from executor_lease where executor <> $1`,
    [ownId],
  );
  return rows;
}

export async function removeLease(db: Queryable, id: string): Promise<void> {
  await db.query("delete from executor_lease where executor = $1", [id]);
}
