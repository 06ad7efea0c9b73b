import type { OperationEvent, OperationStatus } from "../../model/operation.ts";
import type { Queryable } from "../pool.ts";

/** How many events one read brings; a slow reader must not make us hold an operation's whole history in memory. */
const PAGE = 500;

interface EventRow {
  readonly event: bigint;
  readonly kind: OperationEvent["kind"];
  readonly at: Date;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** The events behind `afterId`, oldest first, and whether more were there than one read brings. */
export async function eventsAfter(
  db: Queryable,
  operation: string,
  afterId: number,
): Promise<{ readonly events: readonly OperationEvent[]; readonly hasMore: boolean }> {
  const { rows } = await db.query<EventRow>(
    `select event, kind, at, payload from operation_event
      where operation = $1 and event > $2 order by event limit $3`,
    [operation, afterId, PAGE],
  );
  const events = rows.map(({ event, kind, at, payload }) => ({
    id: Number(event),
    kind,
    at: at.toISOString(),
    payload,
  }));
  return { events, hasMore: rows.length === PAGE };
}

/** Where the operation stands, and the number of its last event, in one snapshot. */
export async function lastEvent(
  db: Queryable,
  operation: string,
): Promise<{ readonly status: OperationStatus; readonly id: number } | undefined> {
  const { rows } = await db.query<{ status: OperationStatus; last_event: bigint }>(
    "select status, last_event from operation where operation = $1",
    [operation],
  );
  return rows[0] && { status: rows[0].status, id: Number(rows[0].last_event) };
}
