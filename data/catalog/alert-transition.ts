import type pg from "pg";
import type { Transition } from "../../model/alert-state.ts";
import type { RuleInForce } from "../../model/rule.ts";
import { queueDeliveries } from "./delivery.ts";

/** What the engine decided about one alert. */
export interface AlertTransition extends Transition {
  readonly tenant: string;
  /** Deterministic: the same readings under the same rule give the same id. */
  readonly alertId: string;
  readonly machineId: string;
  readonly rule: RuleInForce;
  readonly evaluatedAtMs: number;
}

/** Writes raised and returned alerts and what is to be sent of them. Idempotent: a repeated transition changes nothing. */
export async function saveTransitions(
  tx: pg.ClientBase,
  transitions: readonly AlertTransition[],
): Promise<void> {
  const raised = transitions.filter(({ kind }) => kind === "raised");
  const returned = transitions.filter(({ kind }) => kind === "returned");
  await insertRaised(tx, raised);
  await markReturned(tx, returned);
  await queueDeliveries(tx, "alert.raised", raised.map(keyOf));
  await queueDeliveries(tx, "alert.returned", returned.map(keyOf));
}

/** How long the rule waited on purpose: from the observation that began the condition to the raise, in event time. */
export function delayMsOf({ atMs, alert }: Transition): number {
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

async function insertRaised(tx: pg.ClientBase, raised: readonly AlertTransition[]): Promise<void> {
  if (raised.length === 0) return;
  const instant = (ms: number | null) => (ms === null ? null : new Date(ms));
  await tx.query(
    `insert into alert (tenant, alert, rule, rule_name, type, metric, severity, machine_id, value, log_ref, ordinal,
                        raised_at, produced_at, appended_at, evaluated_at, delay_ms)
     select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
                          $9::float8[], $10::bigint[], $11::int[], $12::timestamptz[], $13::timestamptz[],
                          $14::timestamptz[], $15::timestamptz[], $16::bigint[])
     on conflict do nothing`,
    [
      raised.map(({ tenant }) => tenant),
      raised.map(({ alertId }) => alertId),
      raised.map(({ rule }) => rule.id),
      raised.map(({ rule }) => rule.name),
      raised.map(({ rule }) => rule.type),
      raised.map(({ rule }) => rule.metric),
      raised.map(({ rule }) => rule.severity),
      raised.map(({ machineId }) => machineId),
      raised.map(({ alert }) => alert.value),
      raised.map(({ alert }) => alert.logRef),
      raised.map(({ alert }) => alert.ordinal),
      raised.map(({ atMs }) => instant(atMs)),
      raised.map(({ alert }) => instant(alert.producedAtMs)),
      raised.map(({ alert }) => instant(alert.appendedAtMs)),
      raised.map(({ evaluatedAtMs }) => instant(evaluatedAtMs)),
      raised.map(delayMsOf),
    ],
  );
}

async function markReturned(tx: pg.ClientBase, returned: readonly AlertTransition[]): Promise<void> {
  if (returned.length === 0) return;
  await tx.query(
    `update alert a set returned_at = n.at from unnest($1::text[], $2::text[], $3::timestamptz[]) n(tenant, alert, at)
      where a.tenant = n.tenant and a.alert = n.alert and a.returned_at is null`,
    [
      returned.map(({ tenant }) => tenant),
      returned.map(({ alertId }) => alertId),
      returned.map(({ atMs }) => new Date(atMs)),
    ],
  );
}

const keyOf = ({ tenant, alertId: alert }: AlertTransition) => ({ tenant, alert });
