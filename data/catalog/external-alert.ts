import { createHash } from "node:crypto";
import type pg from "pg";
import { externalRule, MAX_HOPS, type ExternalAlertBody } from "../../model/external-alert.ts";
import type { TenantId } from "../../model/tenant.ts";
import { queueDeliveries } from "./delivery.ts";

export const EXTERNAL_OUTCOMES = ["raised", "returned", "unchanged", "ignored"] as const;
export const EXTERNAL_REASONS = ["known", "standing", "not-raised", "own-alert", "too-many-hops"] as const;

/** What became of an event of another system. */
export interface ExternalOutcome {
  readonly outcome: (typeof EXTERNAL_OUTCOMES)[number];
  /** Why nothing changed; null when something did. */
  readonly reason: (typeof EXTERNAL_REASONS)[number] | null;
  readonly alertId: string | null;
}

/** SQL: the systems that the alert `a` has passed once we have told of it. */
export const VIA = "a.via || concat((select installation from installation), '/', a.tenant)";

/**
 * Takes an event of another system: a raise makes an alert of the tenant, a return ends it, each once by source,
 * machine and external id (by the id alone a key of one machine could end, or use up, the alerts of another). What we
 * have sent ourselves, known by the list of systems that it has passed or by an id of ours, changes nothing: a loop
 * ends here.
 */
export async function takeExternalAlert(
  tx: pg.ClientBase,
  tenant: TenantId,
  event: ExternalAlertBody,
  receivedAtMs: number,
): Promise<ExternalOutcome> {
  if (await isOwn(tx, tenant, event)) return { outcome: "ignored", reason: "own-alert", alertId: null };
  if (event.via.length > MAX_HOPS) return { outcome: "ignored", reason: "too-many-hops", alertId: null };
  const { source, machineId, externalId } = event;
  const identity = JSON.stringify([tenant, "external", source, machineId, externalId]);
  const alertId = createHash("sha256").update(identity).digest("hex").slice(0, 32);
  return event.state === "raised"
    ? raise(tx, tenant, alertId, event, receivedAtMs)
    : giveBack(tx, tenant, alertId, event);
}

async function isOwn(
  tx: pg.ClientBase,
  tenant: TenantId,
  { externalId, via }: ExternalAlertBody,
): Promise<boolean> {
  const { rows } = await tx.query<{ is_own: boolean }>(
    `select concat(installation, '/', $1::text) = any ($3)
            or exists (select from alert where tenant = $1 and alert = $2)
            or exists (select from delivery where tenant = $1 and delivery = $2) as is_own
       from installation`,
    [tenant, externalId, via],
  );
  return rows[0]?.is_own === true;
}

async function raise(
  tx: pg.ClientBase,
  tenant: TenantId,
  alertId: string,
  event: ExternalAlertBody,
  receivedAtMs: number,
): Promise<ExternalOutcome> {
  const rule = externalRule(event);
  const { machineId, name, severity, source, externalId, via } = event;
  const { rowCount } = await tx.query(
    // No log has it: it is appended and evaluated when it is received.
    `insert into alert (tenant, alert, rule, rule_name, severity, machine_id, raised_at,
                        produced_at, appended_at, evaluated_at, source, external_id, via)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $8, $8, $9, $10, $11) on conflict do nothing`,
    [
      ...[tenant, alertId, rule, name, severity, machineId],
      ...[new Date(event.time), new Date(receivedAtMs), source, externalId, via],
    ],
  );
  if (rowCount === 1) {
    await queueDeliveries(tx, "alert.raised", [{ tenant, alert: alertId }]);
    return { outcome: "raised", reason: null, alertId };
  }
  const { rows } = await tx.query<{ alert: string }>(
    `select alert from alert
      where tenant = $1 and (alert = $2 or (source is not null and rule = $3 and machine_id = $4 and returned_at is null))
      order by alert = $2 desc limit 1`,
    [tenant, alertId, rule, machineId],
  );
  const known = rows[0]?.alert ?? null;
  return { outcome: "unchanged", reason: known === alertId ? "known" : "standing", alertId: known };
}

async function giveBack(
  tx: pg.ClientBase,
  tenant: TenantId,
  alertId: string,
  { time }: ExternalAlertBody,
): Promise<ExternalOutcome> {
  const { rows } = await tx.query<{ is_changed: boolean }>(
    `with ended as (
       update alert set returned_at = $3 where tenant = $1 and alert = $2 and returned_at is null returning alert)
     select exists (select from ended) as is_changed from alert where tenant = $1 and alert = $2`,
    [tenant, alertId, new Date(time)],
  );
  const [found] = rows;
  if (found === undefined) return { outcome: "unchanged", reason: "not-raised", alertId: null };
  if (!found.is_changed) return { outcome: "unchanged", reason: "known", alertId };
  await queueDeliveries(tx, "alert.returned", [{ tenant, alert: alertId }]);
  return { outcome: "returned", reason: null, alertId };
}
