import type pg from "pg";
import { daysUntil } from "../../data/catalog/cost-day.ts";
import { recordSystemEvent } from "../../data/catalog/system-event.ts";
import { budgetsOf } from "../../data/catalog/tenancy.ts";
import { anomalyOf } from "../../model/cost/anomaly.ts";
import { sumOf, tenancyKey } from "../../model/cost/bill.ts";
import { BUDGET_STEPS, stepReached } from "../../model/cost/budget.ts";
import { forecastMonth } from "../../model/cost/forecast.ts";
import { monthBill } from "../../model/cost/month-bill.ts";
import { microUsd, usdOf } from "../../model/cost/money.ts";
import { monthOf } from "../../model/cost/month.ts";
import { DAY_MS } from "../../model/duration.ts";
import { startOf } from "../../model/usage.ts";
import { billInputs } from "./bill-inputs.ts";
import type { PricingAt } from "./pricing.ts";

/** Eight of each weekday: for a forecast more than enough, for a median just enough. */
export const SEEN_DAYS = 56;

/**
 * Tells of budgets that are reached, or will be by the month's end, and of days that leapt. Each once a month, each day's
 * leap once, however often this looks.
 */
export async function watchSpending(
  { service, pricingAt }: { readonly service: pg.Pool; readonly pricingAt: PricingAt },
  nowMs: number,
): Promise<void> {
  const month = monthOf(nowMs);
  const pricing = pricingAt(new Date(nowMs).toISOString().slice(0, 10));
  const bill = monthBill(await billInputs(service, { fromMs: month.fromMs, toMs: nowMs }, pricing));
  const yesterdayMs = startOf("day", nowMs) - DAY_MS;
  const seen = new Map(
    (await daysUntil(service, yesterdayMs, SEEN_DAYS)).map((one) => [tenancyKey(one), one.days]),
  );
  const budgets = await budgetsOf(service);

  for (const one of bill.tenants) {
    const key = tenancyKey(one);
    // Of the day of its creation there is a part.
    const days = (seen.get(key) ?? []).filter(({ dayMs }) => dayMs >= Date.parse(one.since));
    const { tenant } = one;
    const budgetUsd = budgets.get(key);
    if (budgetUsd !== undefined) {
      const budget = microUsd(budgetUsd);
      const facts = { month: month.name, budgetUsd, spentUsd: usdOf(sumOf(one.lines)) };
      const reached = stepReached(one.total, budget);
      for (const step of BUDGET_STEPS.filter((each) => reached !== undefined && each <= reached))
        await recordSystemEvent(service, {
          ...{ kind: "budget.reached", tenant, key: `${key}/${month.name}/${step}` },
          detail: { ...facts, percent: step * 100 },
        });
      const forecast = forecastMonth(one.total, days, { fromMs: nowMs, toMs: month.toMs });
      if (reached !== 1 && forecast !== undefined && stepReached(forecast.expected, budget) === 1)
        await recordSystemEvent(service, {
          ...{ kind: "budget.endangered", tenant, key: `${key}/${month.name}` },
          detail: { ...facts, forecastUsd: usdOf(forecast.expected) },
        });
    }
    const anomaly = anomalyOf(days);
    if (anomaly !== undefined)
      await recordSystemEvent(service, {
        ...{ kind: "cost.leapt", tenant, key: `${key}/${anomaly.dayMs}` },
        detail: {
          day: new Date(anomaly.dayMs).toISOString().slice(0, 10),
          usd: usdOf(anomaly.amount),
          usualUsd: usdOf(anomaly.usual),
        },
      });
  }
}
