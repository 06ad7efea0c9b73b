import type pg from "pg";
import { eventsAfter, lastEvent } from "../../data/catalog/operation-event.ts";
import { isFinished, type OperationEvent } from "../../model/operation.ts";
import type { Waker } from "./waker.ts";

/** A notification may be lost with its connection. */
const POLL_MS = 1_000;

/** The operation's events behind `afterId` as they come; ends when the operation has ended, or with `signal`. */
export async function* followOperation(
  pool: pg.Pool,
  waker: Waker,
  id: string,
  afterId: number,
  signal: AbortSignal,
): AsyncGenerator<OperationEvent> {
  const following = waker.follow(id, signal);
  try {
    let lastId = afterId;
    do {
      // Where it stands is read before the events: whatever that reading has counted, the next one brings.
      const stand = await lastEvent(pool, id);
      for (let hasMore = true; hasMore;) {
        const page = await eventsAfter(pool, id, lastId);
        for (const event of page.events) {
          if (signal.aborted) return;
          yield event;
          lastId = event.id;
        }
        hasMore = page.hasMore;
      }
      if (stand === undefined || (isFinished(stand.status) && lastId >= stand.id)) return;
    } while (await following.wait(POLL_MS));
  } finally {
    following.end();
  }
}
