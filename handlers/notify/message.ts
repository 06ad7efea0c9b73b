import type pg from "pg";
import { timesOf } from "../../data/catalog/alert.ts";
import type { ClaimedAlert, ClaimedDelivery } from "../../data/catalog/delivery-claim.ts";
import { readDigest, type DigestedAlert } from "../../data/catalog/delivery-digest.ts";
import {
  MAX_DIGEST_ALERTS,
  type AlertFacts,
  type Digest,
  type Notification,
} from "../../model/notification.ts";

/** What a claimed delivery says: to people, and to programs. */
export interface Message {
  readonly notification: Notification;
  readonly body: object;
}

/** One more round trip for a digest, none for all else. */
export async function messageOf(pool: pg.Pool, claimed: ClaimedDelivery): Promise<Message> {
  const { delivery: id, tenant, event, template, alert } = claimed;
  const envelope = { id, tenant, event, template };
  if (alert !== null)
    return { notification: { ...envelope, alert: factsOf(alert) }, body: bodyOf(claimed, alert) };
  if (event !== "alert.digest") return { notification: envelope, body: { id, event, tenant } };

  const { counts, alerts } = await readDigest(pool, tenant, id, MAX_DIGEST_ALERTS);
  const digest: Digest = {
    count: counts.reduce((sum, { count }) => sum + count, 0),
    countBySeverity: Object.fromEntries(counts.map(({ severity, count }) => [severity, count])),
    alerts: alerts.map((one) => ({ ...factsOf(one), deliveryId: one.delivery, event: one.event })),
  };
  return { notification: { ...envelope, digest }, body: { id, event, tenant, ...digest } };
}

/** As the contract has it. */
function bodyOf({ delivery: id, event, tenant }: ClaimedDelivery, alert: ClaimedAlert): object {
  const { alert: alertId, rule, machine_id: machineId, severity, value, source, via } = alert;
  // The other system knows its own by these, and we know ours by `via` when somebody posts it back.
  const origin = source === null ? { via } : { via, source, externalId: alert.external_id };
  return { id, event, alertId, tenant, rule, machineId, severity, value, ...origin, times: timesOf(alert) };
}

function factsOf(alert: ClaimedAlert | DigestedAlert): AlertFacts {
  const { alert: alertId, rule, rule_name: ruleName, machine_id: machineId, metric, severity, value } = alert;
  return {
    alertId,
    rule,
    ruleName,
    machineId,
    metric: metric ?? "",
    severity,
    value,
    raisedAt: alert.raised_at.toISOString(),
  };
}
