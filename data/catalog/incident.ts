import { createHash } from "node:crypto";
import type pg from "pg";
import { MillwrightError } from "../../model/errors.ts";
import type { Earlier, Flood, FloodLimits, IncidentScope, Risen } from "../../model/incident.ts";
import type { Severity } from "../../model/rule.ts";
import type { TenantId } from "../../model/tenant.ts";
import { decodeTimeCursor, pageOf, type Page, type PageRequest } from "./page.ts";

/** A flood of alerts as the API answers it; instants are ISO 8601, by the log's clock. */
export interface Incident {
  readonly id: string;
  readonly state: "open" | "ended";
  readonly scope: IncidentScope;
  readonly subject: string;
  readonly severity: Severity;
  readonly openedAt: string;
  readonly lastAlertAt: string;
  readonly endedAt: string | null;
  readonly alertCount: number;
  readonly standingCount: number;
}

/** What correlation has to know of one tenant. */
export interface FloodContext {
  readonly alerts: readonly Earlier[];
  readonly incidents: readonly Flood[];
  /** `RULE MACHINE` of what people have shelved. */
  readonly shelved: ReadonlySet<string>;
}

/** The same in every replay: the flood is named after its first alert. */
export function incidentId(
  tenant: string,
  scope: IncidentScope,
  subject: string,
  firstAlert: string,
): string {
  const identity = [tenant, scope, subject, firstAlert].join("/");
  return createHash("sha256").update(identity).digest("hex").slice(0, 32);
}

/**
 * Incidents that may take `risen`, the alerts that people were told of within the window, and what is shelved: one round
 * trip. The caller holds the tenant's rules, so no other batch opens an incident meanwhile.
 */
export async function floodContext(
  tx: pg.ClientBase,
  tenant: string,
  risen: readonly Risen[],
  { alertCount, windowMs }: FloodLimits,
): Promise<FloodContext> {
  const { rows } = await tx.query<{
    incidents: readonly Flood[] | null;
    alerts: readonly Earlier[] | null;
    shelved: readonly string[] | null;
  }>({
    name: "flood-context",
    text: `with risen as materialized (
             select * from unnest($2::text[], $3::text[], $4::float8[]) n(rule, machine_id, at_ms)),
           subject as materialized (
             select 'machine' as scope, machine_id as subject, min(at_ms) - $5 as from_ms from risen group by machine_id
             union all select 'rule', rule, min(at_ms) - $5 from risen group by rule),
           near as (
             select a.alert, a.rule, a.machine_id, a.severity, a.risen_at, a.incident
               from subject s cross join lateral (
                 select * from alert where tenant = $1 and s.scope = 'machine' and machine_id = s.subject
                    and risen_at > to_timestamp(s.from_ms / 1000) and announced
                  order by risen_at desc limit $6) a
             union
             select a.alert, a.rule, a.machine_id, a.severity, a.risen_at, a.incident
               from subject s cross join lateral (
                 select * from alert where tenant = $1 and s.scope = 'rule' and rule = s.subject
                    and risen_at > to_timestamp(s.from_ms / 1000) and announced
                  order by risen_at desc limit $6) a)
           select
             (select json_agg(json_build_object('id', incident, 'scope', scope, 'subject', subject, 'severity', severity,
                                                'firstAtMs', extract(epoch from opened_at) * 1000,
                                                'lastAtMs', extract(epoch from last_alert_at) * 1000))
                from incident i join subject s using (scope, subject)
               where i.tenant = $1 and i.last_alert_at > to_timestamp(s.from_ms / 1000)) as incidents,
             (select json_agg(json_build_object('id', alert, 'rule', rule, 'machineId', machine_id, 'severity', severity,
                                                'atMs', extract(epoch from risen_at) * 1000, 'incident', incident))
                from near) as alerts,
             (select json_agg(r.rule || ' ' || r.machine_id)
                from (select distinct rule, machine_id from risen) r
               where exists (select from alert a where a.tenant = $1 and a.rule = r.rule
                                and a.machine_id = r.machine_id and a.shelved_until > now())) as shelved`,
    values: [
      tenant,
      risen.map(({ rule }) => rule),
      risen.map(({ machineId }) => machineId),
      risen.map(({ atMs }) => atMs),
      windowMs,
      alertCount,
    ],
  });
  const { incidents, alerts, shelved } = rows[0] ?? { incidents: null, alerts: null, shelved: null };
  return { incidents: incidents ?? [], alerts: alerts ?? [], shelved: new Set(shelved) };
}

/** Writes incidents that were opened or have taken alerts; one that had ended goes on. */
export async function saveIncidents(
  tx: pg.ClientBase,
  tenant: string,
  floods: readonly Flood[],
): Promise<void> {
  if (floods.length === 0) return;
  await tx.query(
    `insert into incident (tenant, incident, scope, subject, severity, opened_at, last_alert_at)
     select $1, * from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[])
     on conflict (tenant, incident) do update
       set severity = excluded.severity, last_alert_at = excluded.last_alert_at, ended_at = null`,
    [
      tenant,
      floods.map(({ id }) => id),
      floods.map(({ scope }) => scope),
      floods.map(({ subject }) => subject),
      floods.map(({ severity }) => severity),
      floods.map(({ firstAtMs }) => new Date(firstAtMs)),
      floods.map(({ lastAtMs }) => new Date(lastAtMs)),
    ],
  );
}

/** Ends the incidents of alerts that have returned, where no other of their alerts stands. */
export async function endIncidents(
  tx: pg.ClientBase,
  returned: readonly { readonly tenant: string; readonly incident: string | null }[],
): Promise<void> {
  const members = returned.filter(({ incident }) => incident !== null);
  if (members.length === 0) return;
  await tx.query(
    `update incident i
        set ended_at = (select max(returned_at) from alert a where a.tenant = i.tenant and a.incident = i.incident)
       from (select distinct * from unnest($1::text[], $2::text[]) n(tenant, incident)) n
      where i.tenant = n.tenant and i.incident = n.incident and i.ended_at is null
        and not exists (select from alert a where a.tenant = i.tenant and a.incident = i.incident
                           and a.returned_at is null)`,
    [members.map(({ tenant }) => tenant), members.map(({ incident }) => incident)],
  );
}

interface IncidentRow {
  readonly incident: string;
  readonly scope: IncidentScope;
  readonly subject: string;
  readonly severity: Severity;
  readonly opened_at: Date;
  readonly last_alert_at: Date;
  readonly ended_at: Date | null;
  readonly alert_count: bigint;
  readonly standing_count: bigint;
}

const SELECT = `select i.*, c.alert_count, c.standing_count
  from incident i cross join lateral (
    select count(*) as alert_count, count(*) filter (where returned_at is null) as standing_count
      from alert a where a.tenant = i.tenant and a.incident = i.incident) c`;

/** Newest first. */
export async function listIncidents(
  tx: pg.ClientBase,
  tenant: TenantId,
  request: PageRequest & { readonly state?: Incident["state"] | undefined },
): Promise<Page<Incident>> {
  const { rows } = await tx.query<IncidentRow>(
    `${SELECT}
      where tenant = $1 and ($2::timestamptz is null or (opened_at, incident) < ($2, $3))
        and ($4::text is null or (ended_at is null) = ($4 = 'open'))
      order by opened_at desc, incident desc limit $5`,
    [tenant, ...decodeTimeCursor(request.cursor), request.state ?? null, request.limit + 1],
  );
  return pageOf(rows.map(toIncident), request.limit, ({ openedAt, id }) => [openedAt, id]);
}

/** @throws MillwrightError `incident-unknown` */
export async function getIncident(tx: pg.ClientBase, tenant: TenantId, id: string): Promise<Incident> {
  const { rows } = await tx.query<IncidentRow>(`${SELECT} where tenant = $1 and incident = $2`, [tenant, id]);
  if (rows[0] === undefined) throw new MillwrightError("incident-unknown", "There is no such incident.");
  return toIncident(rows[0]);
}

function toIncident(row: IncidentRow): Incident {
  return {
    id: row.incident,
    state: row.ended_at === null ? "open" : "ended",
    scope: row.scope,
    subject: row.subject,
    severity: row.severity,
    openedAt: row.opened_at.toISOString(),
    lastAlertAt: row.last_alert_at.toISOString(),
    endedAt: row.ended_at?.toISOString() ?? null,
    alertCount: Number(row.alert_count),
    standingCount: Number(row.standing_count),
  };
}
