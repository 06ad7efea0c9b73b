import type { Queryable } from "../pool.ts";

/** Work that goes on where it was last. */
type RegularWork = "violations" | "triggers";

/** Up to when the work has seen everything; undefined before its first time. */
export async function progressOf(db: Queryable, work: RegularWork): Promise<Date | undefined> {
  const { rows } = await db.query<{ done_until: Date }>(
    "select done_until from usage_progress where work = $1",
    [work],
  );
  return rows[0]?.done_until;
}

/** In the transaction of the work itself. Never back: who comes late has seen less. */
export async function moveProgress(tx: Queryable, work: RegularWork, doneUntil: Date): Promise<void> {
  await tx.query(
    `insert into usage_progress as known (work, done_until) values ($1, $2)
     on conflict (work) do update set done_until = greatest(known.done_until, excluded.done_until)`,
    [work, doneUntil],
  );
}
