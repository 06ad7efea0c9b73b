import type { Queryable } from "../pool.ts";
import { VIA } from "./external-alert.ts";
import { alertFactsOf, IS_OUT_OF_SERVICE, type Alert, type AlertRow } from "./alert.ts";

/** The channel on which publishers hear of alerts that changed, when the transaction commits. */
export const ALERT_CHANGED = "alert_event";

/** What happened to an alert, as the tenant's topic carries it. */
export interface AlertEvent {
  /** The same however often it is published. */
  readonly id: string;
  /** Grows with each event of an alert. */
  readonly sequence: string;
  readonly event: string;
  readonly at: string;
  readonly tenant: string;
  /** The systems that the alert has passed, us included: who finds itself in it has a loop. */
  readonly via: readonly string[];
  /** As it was then, without comments. */
  readonly alert: Omit<Alert, "comments">;
}

/** Not yet published, oldest first. */
export async function unpublishedAlertEvents(
  db: Queryable,
  tenant: string,
  limit: number,
): Promise<readonly AlertEvent[]> {
  type Row = Omit<AlertRow, "comments"> & {
    readonly via: readonly string[];
    readonly sequence: bigint;
    readonly event: string;
    readonly kind: string;
    readonly at: Date;
  };
  const { rows } = await db.query<Row>(
    `select a.*, ${IS_OUT_OF_SERVICE} as is_out_of_service, ${VIA} as via, e.sequence, e.event, e.kind, e.at, e.at as now
       from alert_event e cross join jsonb_populate_record(null::alert, e.alert) a
      where e.tenant = $1 order by e.sequence limit $2`,
    [tenant, limit],
  );
  return rows.map((row) => {
    const { event: id, sequence, kind: event, at, via } = row;
    return {
      id,
      sequence: String(sequence),
      event,
      at: at.toISOString(),
      tenant,
      via,
      alert: alertFactsOf(row),
    };
  });
}

/** They are in the log. */
export async function removeAlertEvents(
  db: Queryable,
  events: readonly Pick<AlertEvent, "sequence">[],
): Promise<void> {
  await db.query("delete from alert_event where sequence = any($1::bigint[])", [
    events.map(({ sequence }) => sequence),
  ]);
}
