import type { MatchedCost } from "../../model/cost/cost-comparison.ts";
import type { MicroUsd } from "../../model/cost/money.ts";
import type { Queryable } from "../pool.ts";

/** What the provider's own bill says of a month. */
export interface ActualCost {
  readonly matched: readonly MatchedCost[];
  /** Of products that are no part of the platform, or have no tag of it. */
  readonly unmatched: MicroUsd;
  /** Taxes, support, fees, refunds. */
  readonly besidesUse: MicroUsd;
}

export interface ReportedCost extends ActualCost {
  readonly reportedAt: Date;
}

/**
 * In place of what was reported of the month before: a provider corrects its reports until a month is invoiced.
 * @returns when it was reported
 */
export async function keepActualCost(service: Queryable, month: string, actual: ActualCost): Promise<Date> {
  const { rows } = await service.query<{ reportedAt: Date }>(
    `insert into cost_actual (month, matched, unmatched, besides_use) values ($1, $2, $3, $4)
     on conflict (month) do update set reported_at = now(), matched = excluded.matched,
       unmatched = excluded.unmatched, besides_use = excluded.besides_use
     returning reported_at as "reportedAt"`,
    [month, JSON.stringify(actual.matched), actual.unmatched, actual.besidesUse],
  );
  const [kept] = rows;
  if (kept === undefined) throw new Error(`nothing was kept of ${month}`);
  return kept.reportedAt;
}

const REPORTED = `select month, reported_at as "reportedAt", matched, unmatched::float8, besides_use::float8 as "besidesUse"
  from cost_actual`;

export async function actualCostOf(service: Queryable, month: string): Promise<ReportedCost | undefined> {
  const { rows } = await service.query<ReportedCost>(`${REPORTED} where month = $1`, [month]);
  return rows[0];
}

/** Of the newest month that was reported. */
export async function newestActualCost(
  service: Queryable,
): Promise<(ReportedCost & { readonly month: string }) | undefined> {
  const { rows } = await service.query<ReportedCost & { readonly month: string }>(
    `${REPORTED} order by month desc limit 1`,
  );
  return rows[0];
}
