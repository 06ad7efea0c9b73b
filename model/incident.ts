import type { Severity } from "./rule.ts";
import { SEVERITIES } from "./rule.ts";

/** More alerts than this within the window, of one machine or of one rule, are a flood. */
export interface FloodLimits {
  readonly alertCount: number;
  readonly windowMs: number;
}

/**
 * Lower: a plant of 45 machines that stop together is told of some only. Higher: people get messages by the hundred
 * before they are one incident. (EEMUA 191 calls more than 10 alarms in 10 minutes a flood for one operator; channels
 * thin out what is too much for one receiver, and a rule of a tenant has several of those.)
 */
export const FLOOD: FloodLimits = { alertCount: 50, windowMs: 60_000 };

export const INCIDENT_SCOPES = ["machine", "rule"] as const;
export type IncidentScope = (typeof INCIDENT_SCOPES)[number];

/** What correlation asks of an alert; `atMs` is the log's clock. */
export interface Risen {
  readonly id: string;
  readonly rule: string;
  readonly machineId: string;
  readonly severity: Severity;
  readonly atMs: number;
}

/** An alert of before, with the incident that it belongs to. */
export interface Earlier extends Risen {
  readonly incident: string | null;
}

/** An incident that may take alerts. */
export interface Flood {
  readonly id: string;
  readonly scope: IncidentScope;
  /** Id of the machine or the rule. */
  readonly subject: string;
  /** The most urgent that people have been told of. */
  readonly severity: Severity;
  readonly firstAtMs: number;
  readonly lastAtMs: number;
}

export interface Correlation {
  /** By alert id; one that is in no incident is missing. */
  readonly incidentOf: ReadonlyMap<string, string>;
  /** Alerts that join an incident without a word. */
  readonly silent: ReadonlySet<string>;
  /** Incidents that were opened or have taken an alert. */
  readonly changed: readonly Flood[];
}

/**
 * Sorts new alerts into incidents, in order, within one tenant. An alert joins the incident of its machine, or else of
 * its rule, that took its last one less than a window ago; a longer pause ends the flood, so that an alert that stands
 * for days mutes nothing. Without one, it opens an incident when more than `alertCount` alerts have come within the
 * window; those of before that are in none join too. People are told of the alerts before, of the one that opens, and
 * of each that is more urgent than all they were told of.
 * @param incidentId - makes an id of the scope, the subject and the first alert, the same in every replay
 */
export function correlate(
  risen: readonly Risen[],
  before: { readonly alerts: readonly Earlier[]; readonly incidents: readonly Flood[] },
  { alertCount, windowMs }: FloodLimits,
  incidentId: (scope: IncidentScope, subject: string, firstAlert: string) => string,
): Correlation {
  const incidents = new Map(before.incidents.map((incident) => [incident.id, incident]));
  const alerts = new Map(before.alerts.map((alert) => [alert.id, alert]));
  const changed = new Set<string>();
  const silent = new Set<string>();
  const put = (flood: Flood) => {
    incidents.set(flood.id, flood);
    changed.add(flood.id);
  };

  const incidentFor = (alert: Risen): string | null => {
    for (const scope of INCIDENT_SCOPES) {
      const subject = subjectOf(alert, scope);
      const open = [...incidents.values()].find(
        (one) => one.scope === scope && one.subject === subject && alert.atMs - one.lastAtMs < windowMs,
      );
      if (open === undefined) continue;
      const isWorse = SEVERITIES.indexOf(alert.severity) < SEVERITIES.indexOf(open.severity);
      if (!isWorse) silent.add(alert.id);
      const severity = isWorse ? alert.severity : open.severity;
      put({ ...open, severity, lastAtMs: Math.max(open.lastAtMs, alert.atMs) });
      return open.id;
    }
    for (const scope of INCIDENT_SCOPES) {
      const subject = subjectOf(alert, scope);
      const members = [...alerts.values()].filter(
        (one) =>
          one.incident === null && subjectOf(one, scope) === subject && alert.atMs - one.atMs < windowMs,
      );
      const [first] = members.toSorted((a, b) => a.atMs - b.atMs || (a.id < b.id ? -1 : 1));
      if (first === undefined || members.length < alertCount) continue;
      const id = incidentId(scope, subject, first.id);
      for (const member of members) alerts.set(member.id, { ...member, incident: id });
      const urgent = [alert, ...members].map(({ severity }) => SEVERITIES.indexOf(severity));
      const severity = SEVERITIES[Math.min(...urgent)] ?? alert.severity;
      put({ id, scope, subject, severity, firstAtMs: first.atMs, lastAtMs: alert.atMs });
      return id;
    }
    return null;
  };

  for (const alert of risen) {
    if (alerts.has(alert.id)) continue; // raised before, by a timer or another process
    alerts.set(alert.id, { ...alert, incident: incidentFor(alert) });
  }
  const known = new Map(before.alerts.map(({ id, incident }) => [id, incident]));
  return {
    incidentOf: new Map(
      [...alerts.values()].flatMap(({ id, incident }) =>
        incident === null || known.get(id) === incident ? [] : [[id, incident] as const],
      ),
    ),
    silent,
    changed: [...changed].flatMap((id) => incidents.get(id) ?? []),
  };
}

function subjectOf(alert: Risen, scope: IncidentScope): string {
  return scope === "machine" ? alert.machineId : alert.rule;
}
