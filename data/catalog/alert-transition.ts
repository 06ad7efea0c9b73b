import type pg from "pg";
import type { Transition } from "../../model/condition-state.ts";
import { correlate, type FloodLimits, type Risen } from "../../model/incident.ts";
import type { RuleInForce } from "../../model/rule.ts";
import { queueDeliveries } from "./delivery.ts";
import { endIncidents, floodContext, incidentId, saveIncidents } from "./incident.ts";

/** What the engine decided about one alert. */
export interface AlertTransition extends Omit<Transition, "kind"> {
  /** Released: it stands, and the alert that explained it is gone. */
  readonly kind: Transition["kind"] | "released";
  readonly tenant: string;
  /** Deterministic: the same readings under the same rule give the same id. */
  readonly alertId: string;
  readonly machineId: string;
  readonly rule: RuleInForce;
  /** People have taken the rule or the machine out of service. */
  readonly isOutOfService: boolean;
  readonly evaluatedAtMs: number;
}

/** What people are to hear of an alert. */
interface Announcement {
  readonly isAnnounced: boolean;
  readonly incident: string | null;
}

const UNHEARD: Announcement = { isAnnounced: false, incident: null };

/**
 * Writes raised, released and returned alerts, the incidents that they make, and what is to be sent of them.
 * Idempotent: a repeated transition changes nothing.
 */
export async function saveTransitions(
  tx: pg.ClientBase,
  transitions: readonly AlertTransition[],
  flood: FloodLimits,
): Promise<void> {
  const raised = transitions.filter(({ kind }) => kind === "raised");
  const released = transitions.filter(({ kind }) => kind === "released");
  const returned = transitions.filter(({ kind }) => kind === "returned");
  const news = new Map<string, Announcement>();
  for (const [tenant, own] of Map.groupBy(transitions, (one) => one.tenant)) {
    for (const [alertId, announcement] of await announcements(tx, tenant, own, flood))
      news.set(`${tenant}/${alertId}`, announcement);
  }
  const newsOf = (one: AlertTransition) => news.get(`${one.tenant}/${one.alertId}`) ?? UNHEARD;

  const announced = [
    ...(await insertRaised(tx, raised, newsOf)),
    ...(await markReleased(tx, released, newsOf)),
  ];
  const ended = await markReturned(tx, returned);
  await endIncidents(tx, ended);
  await queueDeliveries(tx, "alert.raised", announced.filter(isHeard));
  await queueDeliveries(tx, "alert.returned", ended.filter(isHeard));
}

/** How long the rule waited on purpose: from the reading that began the condition to the raise, in event time. */
export function delayMsOf({ atMs, alert }: Pick<Transition, "atMs" | "alert">): number {
  return Math.max(0, Math.round(atMs - alert.timeMs));
}

/**
 * Says when alerts were durable, which can be known only behind their commit. Who sees it first writes it: the engine
 * here, or the dispatcher with its claim. A crash of the server may forget the stamp, never the alert.
 */
export async function markCommitted(
  pool: pg.Pool,
  raised: readonly AlertTransition[],
  committedAtMs: number,
): Promise<void> {
  await pool.query({
    name: "alert-committed",
    text: `with relaxed as materialized (select set_config('synchronous_commit', 'off', true))
           update alert a set committed_at = $3
             from relaxed, unnest($1::text[], $2::text[]) n(tenant, alert)
            where a.tenant = n.tenant and a.alert = n.alert and a.committed_at is null`,
    values: [
      raised.map(({ tenant }) => tenant),
      raised.map(({ alertId }) => alertId),
      new Date(committedAtMs),
    ],
  });
}

/** Decides what people hear of the alerts that are raised or released now, in order, and writes the incidents. */
async function announcements(
  tx: pg.ClientBase,
  tenant: string,
  transitions: readonly AlertTransition[],
  flood: FloodLimits,
): Promise<ReadonlyMap<string, Announcement>> {
  const risen = transitions
    .filter(
      ({ kind, alert }) => kind === "released" || (kind === "raised" && alert.suppressedBy === undefined),
    )
    .filter(({ isOutOfService }) => !isOutOfService)
    .map(risenOf);
  if (risen.length === 0) return new Map();
  const before = await floodContext(tx, tenant, risen, flood);
  const heard = risen.filter(({ rule, machineId }) => !before.shelved.has(`${rule} ${machineId}`));
  const { incidentOf, silent, changed } = correlate(heard, before, flood, (scope, subject, first) =>
    incidentId(tenant, scope, subject, first),
  );
  await saveIncidents(tx, tenant, changed);
  const isNew = new Set(heard.map(({ id }) => id));
  await adopt(
    tx,
    tenant,
    [...incidentOf].filter(([alert]) => !isNew.has(alert)),
  );
  return new Map(
    heard.map(({ id }) => [id, { isAnnounced: !silent.has(id), incident: incidentOf.get(id) ?? null }]),
  );
}

async function insertRaised(
  tx: pg.ClientBase,
  raised: readonly AlertTransition[],
  newsOf: (one: AlertTransition) => Announcement,
): Promise<readonly Written[]> {
  if (raised.length === 0) return [];
  const instant = (ms: number | null) => (ms === null ? null : new Date(ms));
  const { rows } = await tx.query<Written>({
    name: "alert-raise",
    text: `insert into alert (tenant, alert, rule, rule_name, type, metric, severity, machine_id, value, log_ref, ordinal,
                        raised_at, produced_at, appended_at, evaluated_at, delay_ms, risen_at, suppressed_by,
                        announced, incident)
     select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
                          $9::jsonb[], $10::bigint[], $11::int[], $12::timestamptz[], $13::timestamptz[],
                          $14::timestamptz[], $15::timestamptz[], $16::bigint[], $17::timestamptz[], $18::text[],
                          $19::bool[], $20::text[])
     on conflict do nothing returning tenant, alert, announced, incident`,
    values: [
      raised.map(({ tenant }) => tenant),
      raised.map(({ alertId }) => alertId),
      raised.map(({ rule }) => rule.id),
      raised.map(({ rule }) => rule.name),
      raised.map(({ rule }) => rule.type),
      raised.map(({ rule }) => rule.metric ?? null),
      raised.map(({ rule }) => rule.severity),
      raised.map(({ machineId }) => machineId),
      raised.map(({ alert }) => (alert.value === null ? null : JSON.stringify(alert.value))),
      raised.map(({ alert }) => alert.logRef),
      raised.map(({ alert }) => alert.ordinal),
      raised.map(({ atMs }) => instant(atMs)),
      raised.map(({ alert }) => instant(alert.producedAtMs)),
      raised.map(({ alert }) => instant(alert.appendedAtMs)),
      raised.map(({ evaluatedAtMs }) => instant(evaluatedAtMs)),
      raised.map(delayMsOf),
      raised.map(({ loggedAtMs }) => instant(loggedAtMs)),
      raised.map(({ alert }) => alert.suppressedBy ?? null),
      raised.map((one) => newsOf(one).isAnnounced),
      raised.map((one) => newsOf(one).incident),
    ],
  });
  return rows;
}

async function markReleased(
  tx: pg.ClientBase,
  released: readonly AlertTransition[],
  newsOf: (one: AlertTransition) => Announcement,
): Promise<readonly Written[]> {
  if (released.length === 0) return [];
  const { rows } = await tx.query<Written>(
    `update alert a set released_at = n.at, announced = n.announced, incident = n.incident
       from unnest($1::text[], $2::text[], $3::timestamptz[], $4::bool[], $5::text[])
            n(tenant, alert, at, announced, incident)
      where a.tenant = n.tenant and a.alert = n.alert and a.suppressed_by is not null and a.released_at is null
        and a.returned_at is null
     returning a.tenant, a.alert, a.announced, a.incident`,
    [
      released.map(({ tenant }) => tenant),
      released.map(({ alertId }) => alertId),
      released.map(({ atMs }) => new Date(atMs)),
      released.map((one) => newsOf(one).isAnnounced),
      released.map((one) => newsOf(one).incident),
    ],
  );
  return rows;
}

async function markReturned(
  tx: pg.ClientBase,
  returned: readonly AlertTransition[],
): Promise<readonly Written[]> {
  if (returned.length === 0) return [];
  const { rows } = await tx.query<Written>({
    name: "alert-return",
    text: `update alert a set returned_at = n.at from unnest($1::text[], $2::text[], $3::timestamptz[]) n(tenant, alert, at)
      where a.tenant = n.tenant and a.alert = n.alert and a.returned_at is null
     returning a.tenant, a.alert, a.announced, a.incident`,
    values: [
      returned.map(({ tenant }) => tenant),
      returned.map(({ alertId }) => alertId),
      returned.map(({ atMs }) => new Date(atMs)),
    ],
  });
  return rows;
}

/** Puts alerts of before into the incident that they turned out to begin. */
async function adopt(
  tx: pg.ClientBase,
  tenant: string,
  members: readonly (readonly [alert: string, incident: string])[],
): Promise<void> {
  if (members.length === 0) return;
  await tx.query(
    `update alert a set incident = n.incident from unnest($2::text[], $3::text[]) n(alert, incident)
      where a.tenant = $1 and a.alert = n.alert and a.incident is null`,
    [tenant, members.map(([alert]) => alert), members.map(([, incident]) => incident)],
  );
}

/** An alert as it stands after a write. */
interface Written {
  readonly tenant: string;
  readonly alert: string;
  readonly announced: boolean;
  readonly incident: string | null;
}

const isHeard = ({ announced }: Written) => announced;

function risenOf({ alertId: id, rule, machineId, loggedAtMs }: AlertTransition): Risen {
  return { id, rule: rule.id, machineId, severity: rule.severity, atMs: loggedAtMs };
}
