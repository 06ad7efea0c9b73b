import type pg from "pg";
import { stageLatencies, type AlertTimes, type StageLatencies } from "../../model/alert-latency.ts";
import { alertState, type AlertState } from "../../model/alert-state.ts";
import { MillwrightError } from "../../model/errors.ts";
import type { AlertValue } from "../../model/condition-state.ts";
import type { ReadingType } from "../../model/reading.ts";
import type { Severity } from "../../model/rule.ts";
import type { TenantId } from "../../model/tenant.ts";
import { queueDeliveries } from "./delivery.ts";
import { decodeTimeCursor, pageOf, type Page, type PageRequest } from "./page.ts";

const MAX_SHELVE_MS = 7 * 86_400_000; // ISA-18.2 wants shelving to end by itself

/** An alert as the API answers it: instants of people and events in ISO 8601, `times` in ms since the epoch. */
export interface Alert {
  readonly id: string;
  readonly state: AlertState;
  readonly rule: string;
  readonly ruleName: string;
  readonly type: ReadingType | null;
  /** null where the rule has none, as for an alert of another system */
  readonly metric: string | null;
  readonly machineId: string;
  readonly severity: Severity;
  readonly value: AlertValue;
  /** One of many: the flood that it belongs to. */
  readonly incident: string | null;
  /** The rule whose alert explains this one; null once that has returned. */
  readonly suppressedBy: string | null;
  /** The other system that told of it; null for our own. */
  readonly source: string | null;
  readonly externalId: string | null;
  readonly raisedAt: string;
  readonly returnedAt: string | null;
  readonly acknowledgedAt: string | null;
  readonly acknowledgedBy: string | null;
  readonly shelvedUntil: string | null;
  readonly shelvedBy: string | null;
  readonly times: AlertTimes;
  readonly latencyMs: StageLatencies;
  readonly comments: readonly { readonly by: string; readonly at: string; readonly text: string }[];
}

export interface AlertFilter extends PageRequest {
  readonly state?: AlertState | undefined;
  readonly severity?: Severity | undefined;
  readonly machineId?: string | undefined;
  readonly incident?: string | undefined;
  readonly fromMs?: number | undefined;
}

export interface AlertRow {
  readonly alert: string;
  readonly rule: string;
  readonly rule_name: string;
  readonly type: ReadingType | null;
  readonly metric: string | null;
  readonly machine_id: string;
  readonly severity: Severity;
  readonly value: AlertValue;
  readonly incident: string | null;
  readonly suppressed_by: string | null;
  readonly released_at: Date | null;
  readonly is_out_of_service: boolean;
  readonly source: string | null;
  readonly external_id: string | null;
  readonly raised_at: Date;
  readonly returned_at: Date | null;
  readonly acknowledged_at: Date | null;
  readonly acknowledged_by: string | null;
  readonly shelved_until: Date | null;
  readonly shelved_by: string | null;
  readonly produced_at: Date | null;
  readonly appended_at: Date;
  readonly evaluated_at: Date;
  readonly committed_at: Date | null;
  readonly notified_at: Date | null;
  readonly delay_ms: bigint;
  readonly wait_ms: bigint;
  readonly comments: Alert["comments"] | null;
  readonly now: Date;
}

/** SQL: whether people have taken the rule or the machine of the alert `a` out of service. */
export const IS_OUT_OF_SERVICE = `(
  exists (select from rule r where r.tenant = a.tenant and r.rule = a.rule and r.out_of_service_at is not null)
  or exists (select from machine_out_of_service m where m.tenant = a.tenant and m.machine_id = a.machine_id))`;

const COLUMNS = `a.*, now() as now, ${IS_OUT_OF_SERVICE} as is_out_of_service,
  (select json_agg(json_build_object('by', written_by, 'at', written_at, 'text', comment) order by id)
     from alert_comment c where c.tenant = a.tenant and c.alert = a.alert) as comments`;

// The same table as alertState(); a test holds the two together.
const IS_SUPPRESSED = "(suppressed_by is not null and released_at is null)";
const STATE = `case when returned_at is not null and (acknowledged_at is not null or ${IS_SUPPRESSED}) then 'normal'
                    when ${IS_OUT_OF_SERVICE} then 'out-of-service'
                    when ${IS_SUPPRESSED} then 'suppressed'
                    when shelved_until > now() then 'shelved'
                    when returned_at is not null then 'returned-unacknowledged'
                    when acknowledged_at is null then 'unacknowledged' else 'acknowledged' end`;

/** Newest first, by event time. */
export async function listAlerts(
  tx: pg.ClientBase,
  tenant: TenantId,
  filter: AlertFilter,
): Promise<Page<Alert>> {
  const { state = null, severity = null, machineId = null, incident = null, fromMs } = filter;
  const from = fromMs === undefined ? null : new Date(fromMs);
  const { rows } = await tx.query<AlertRow>(
    `select ${COLUMNS} from alert a
      where tenant = $1 and ($2::timestamptz is null or (raised_at, alert) < ($2, $3))
        and ($4::text is null or ${STATE} = $4) and ($5::text is null or severity = $5)
        and ($6::text is null or machine_id = $6) and ($7::timestamptz is null or raised_at >= $7)
        and ($8::text is null or incident = $8)
      order by raised_at desc, alert desc limit $9`,
    [
      tenant,
      ...decodeTimeCursor(filter.cursor),
      state,
      severity,
      machineId,
      from,
      incident,
      filter.limit + 1,
    ],
  );
  return pageOf(rows.map(alertOf), filter.limit, ({ raisedAt, id }) => [raisedAt, id]);
}

/** @throws MillwrightError `alert-unknown` */
export async function getAlert(tx: pg.ClientBase, tenant: TenantId, id: string): Promise<Alert> {
  const { rows } = await tx.query<AlertRow>(
    `select ${COLUMNS} from alert a where tenant = $1 and alert = $2`,
    [tenant, id],
  );
  if (rows[0] === undefined) throw new MillwrightError("alert-unknown", "There is no such alert.");
  return alertOf(rows[0]);
}

/** Says who has seen it. Idempotent: the first one stays. @throws MillwrightError `alert-unknown` */
export async function acknowledgeAlert(
  tx: pg.ClientBase,
  tenant: TenantId,
  id: string,
  { by }: { readonly by: string },
): Promise<Alert> {
  const { rowCount } = await tx.query(
    `update alert set acknowledged_at = now(), acknowledged_by = $3
      where tenant = $1 and alert = $2 and acknowledged_at is null`,
    [tenant, id, by],
  );
  if (rowCount === 1) await queueDeliveries(tx, "alert.acknowledged", [{ tenant, alert: id }]);
  return getAlert(tx, tenant, id);
}

/**
 * Silences the alert's rule on its machine until an instant: nothing of it is notified meanwhile.
 * @throws MillwrightError `alert-unknown`, `alert-state-conflict`, `request-invalid`
 */
export async function shelveAlert(
  tx: pg.ClientBase,
  tenant: TenantId,
  id: string,
  { by, untilMs }: { readonly by: string; readonly untilMs: number },
): Promise<Alert> {
  const { rows } = await tx.query<{ is_normal: boolean; is_in_range: boolean }>(
    `select ${STATE} = 'normal' as is_normal, $3 > now() and $3 <= now() + $4 * interval '1 ms' as is_in_range
       from alert a where tenant = $1 and alert = $2 for update`,
    [tenant, id, new Date(untilMs), MAX_SHELVE_MS],
  );
  if (rows[0]?.is_normal) {
    throw new MillwrightError(
      "alert-state-conflict",
      "This alert is back to normal; there is nothing to shelve.",
    );
  }
  if (rows[0]?.is_in_range === false) {
    throw new MillwrightError("request-invalid", "An alert is shelved until an instant in the next 7 days.", {
      fields: [{ pointer: "/until", message: "must lie in the future, at most 7 days away" }],
    });
  }
  await tx.query("update alert set shelved_until = $3, shelved_by = $4 where tenant = $1 and alert = $2", [
    tenant,
    id,
    new Date(untilMs),
    by,
  ]);
  return getAlert(tx, tenant, id);
}

/** @throws MillwrightError `alert-unknown` */
export async function commentAlert(
  tx: pg.ClientBase,
  tenant: TenantId,
  id: string,
  { by, text }: { readonly by: string; readonly text: string },
): Promise<Alert> {
  await tx.query(
    `insert into alert_comment (tenant, alert, written_by, comment)
     select tenant, alert, $3, $4 from alert where tenant = $1 and alert = $2`,
    [tenant, id, by, text],
  );
  return getAlert(tx, tenant, id);
}

export function timesOf(
  row: Pick<AlertRow, "produced_at" | "appended_at" | "evaluated_at" | "committed_at" | "notified_at">,
): AlertTimes {
  return {
    produced: row.produced_at?.getTime() ?? null,
    appended: row.appended_at.getTime(),
    evaluated: row.evaluated_at.getTime(),
    committed: row.committed_at?.getTime() ?? null,
    notified: row.notified_at?.getTime() ?? null,
  };
}

function alertOf(row: AlertRow): Alert {
  return { ...alertFactsOf(row), comments: row.comments ?? [] };
}

/** @param row - with `now` as the instant at which the state is asked for */
export function alertFactsOf(row: Omit<AlertRow, "comments">): Omit<Alert, "comments"> {
  const { returned_at, acknowledged_at, shelved_until, now } = row;
  const suppressedBy = row.released_at === null ? row.suppressed_by : null;
  const facts = {
    returnedAtMs: returned_at?.getTime(),
    acknowledgedAtMs: acknowledged_at?.getTime(),
    shelvedUntilMs: shelved_until?.getTime(),
    isSuppressed: suppressedBy !== null,
    isOutOfService: row.is_out_of_service,
  };
  return {
    id: row.alert,
    state: alertState(facts, now.getTime()),
    rule: row.rule,
    ruleName: row.rule_name,
    type: row.type,
    metric: row.metric,
    machineId: row.machine_id,
    severity: row.severity,
    value: row.value,
    incident: row.incident,
    suppressedBy,
    source: row.source,
    externalId: row.external_id,
    raisedAt: row.raised_at.toISOString(),
    returnedAt: returned_at?.toISOString() ?? null,
    acknowledgedAt: acknowledged_at?.toISOString() ?? null,
    acknowledgedBy: row.acknowledged_by,
    shelvedUntil: shelved_until?.toISOString() ?? null,
    shelvedBy: row.shelved_by,
    times: timesOf(row),
    latencyMs: stageLatencies(timesOf(row), Number(row.delay_ms), Number(row.wait_ms)),
  };
}
