import type pg from "pg";
import { LATENCY_STAGES, PROMISED_LATENCY_MS, type LatencyStage } from "../../model/alert-latency.ts";
import type { TenantId } from "../../model/tenant.ts";

/** Milliseconds; null when no alert has gone through the stage. */
export interface Percentiles {
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
}

export interface LatencySummary {
  readonly alertCount: number;
  readonly notifiedCount: number;
  /** Alerts that took longer than the promise. */
  readonly violationCount: number;
  readonly stages: Readonly<Record<LatencyStage, Percentiles>>;
}

/** In SQL what `stageLatencies` is in the model, so that a million alerts need not travel; a test holds the two together. */
const STAGE_MS: Readonly<Record<LatencyStage, string>> = {
  append: millis("appended_at", "produced_at"),
  evaluate: `least(${millis("evaluated_at", "appended_at")},
                   greatest(0, ${millis("evaluated_at", "coalesce(produced_at, appended_at)")} - delay_ms))`,
  commit: millis("committed_at", "evaluated_at"),
  send: `(${millis("notified_at", "committed_at")} - wait_ms)`,
  total: "latency_ms",
};

/** Sums up the alerts of a range of event time. */
export async function latencySummary(
  tx: pg.ClientBase,
  tenant: TenantId,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): Promise<LatencySummary> {
  const stages = LATENCY_STAGES.map(
    (stage) =>
      `percentile_disc(array[0.5, 0.95, 0.99]) within group (order by (${STAGE_MS[stage]})::float8) as ${stage}`,
  );
  type Row = Record<LatencyStage, (number | null)[] | null> &
    Record<"alerts" | "notified" | "violations", bigint>;
  const { rows } = await tx.query<Row>(
    `select count(*) as alerts, count(notified_at) as notified,
            count(*) filter (where latency_ms > ${PROMISED_LATENCY_MS}) as violations, ${stages.join(", ")}
       from alert where tenant = $1 and raised_at >= $2 and raised_at < $3`,
    [tenant, new Date(fromMs), new Date(toMs)],
  );
  const row = rows[0];
  const percentiles = (stage: LatencyStage): Percentiles => {
    const [p50 = null, p95 = null, p99 = null] = row?.[stage] ?? [];
    return { p50, p95, p99 };
  };
  return {
    alertCount: Number(row?.alerts ?? 0),
    notifiedCount: Number(row?.notified ?? 0),
    violationCount: Number(row?.violations ?? 0),
    stages: {
      append: percentiles("append"),
      evaluate: percentiles("evaluate"),
      commit: percentiles("commit"),
      send: percentiles("send"),
      total: percentiles("total"),
    },
  };
}

function millis(to: string, from: string): string {
  return `round(extract(epoch from ${to} - ${from}) * 1000)`;
}
