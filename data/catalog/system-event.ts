import { createHash, randomUUID } from "node:crypto";
import type { SystemEventKind } from "../../model/system-event.ts";
import type { Queryable } from "../pool.ts";
import { decodeNumberCursor, pageOf, type Page, type PageRequest } from "./page.ts";

/** The channel on which publishers hear of a new event, when its transaction commits. */
export const SYSTEM_EVENT_ADDED = "system_event";

/** Long enough to look back at a quarter; the topic's own retention decides for those who follow it. */
const KEPT_DAYS = 90;

/** An event of the platform as the API answers it and the topic carries it. */
export interface SystemEvent {
  readonly id: string;
  /** Grows; a reader of the topic drops what it has seen. */
  readonly sequence: string;
  readonly event: SystemEventKind;
  readonly at: string;
  readonly tenant: string | null;
  readonly detail: Readonly<Record<string, unknown>>;
}

export interface NewSystemEvent {
  readonly kind: SystemEventKind;
  readonly tenant?: string;
  /** Facts for an operator: names, counts, codes; never a secret or a payload. */
  readonly detail?: Readonly<Record<string, unknown>>;
  /** What makes it the same event when it is recorded again: an operation, or a partition and the hour. */
  readonly key?: string;
}

/** Records an event, in the transaction of what has happened where there is one. The same key again adds nothing. */
export async function recordSystemEvent(db: Queryable, event: NewSystemEvent): Promise<void> {
  const { kind, tenant = null, detail = {}, key = randomUUID() } = event;
  const id = createHash("sha256").update(`${kind}/${key}`).digest("hex").slice(0, 32);
  await db.query(
    `with added as (
       insert into system_event (event, kind, about_tenant, detail) values ($1, $2, $3, $4)
       on conflict (event) do nothing returning sequence)
     select pg_notify('${SYSTEM_EVENT_ADDED}', '') from added`,
    [id, kind, tenant, JSON.stringify(detail)],
  );
}

interface Row {
  readonly event: string;
  readonly sequence: bigint;
  readonly kind: SystemEventKind;
  readonly about_tenant: string | null;
  readonly detail: SystemEvent["detail"];
  readonly at: Date;
}

/** Newest first. @param db - as the service role: no tenant sees the platform's events */
export async function listSystemEvents(
  db: Queryable,
  { limit, cursor }: PageRequest,
): Promise<Page<SystemEvent>> {
  const { rows } = await db.query<Row>(
    "select * from system_event where $1::bigint is null or sequence < $1 order by sequence desc limit $2",
    [decodeNumberCursor(cursor), limit + 1],
  );
  return pageOf(rows.map(toSystemEvent), limit, ({ sequence }) => [sequence]);
}

/** Not yet published, oldest first. */
export async function unpublishedSystemEvents(db: Queryable, limit: number): Promise<readonly SystemEvent[]> {
  const { rows } = await db.query<Row>(
    "select * from system_event where published_at is null order by sequence limit $1",
    [limit],
  );
  return rows.map(toSystemEvent);
}

export async function markSystemEventsPublished(
  db: Queryable,
  events: readonly Pick<SystemEvent, "sequence">[],
): Promise<void> {
  await db.query(
    "update system_event set published_at = clock_timestamp() where sequence = any($1::bigint[])",
    [events.map(({ sequence }) => sequence)],
  );
}

/** Forgets what is published and old. */
export async function removeOldSystemEvents(db: Queryable): Promise<void> {
  await db.query(
    `delete from system_event where published_at is not null and at < now() - interval '${KEPT_DAYS} days'`,
  );
}

function toSystemEvent({
  event: id,
  sequence,
  kind: event,
  about_tenant: tenant,
  detail,
  at,
}: Row): SystemEvent {
  return { id, sequence: String(sequence), event, at: at.toISOString(), tenant, detail };
}
