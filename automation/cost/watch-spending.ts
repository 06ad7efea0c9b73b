import type pg from "pg";
import { daysUntil, totalsUntil } from "../../data/catalog/cost-day.ts";
import { firstStackMs } from "../../data/catalog/stack-cost.ts";
import { recordSystemEvent, type NewSystemEvent } from "../../data/catalog/system-event.ts";
import { budgetsOf } from "../../data/catalog/tenancy.ts";
import type { Queryable } from "../../data/pool.ts";
import { anomalyOf } from "../../model/cost/anomaly.ts";
import { tenancyKey } from "../../model/cost/bill.ts";
import { BUDGET_STEPS, stepReached } from "../../model/cost/budget.ts";
import { forecastMonth, type DayAmount } from "../../model/cost/forecast.ts";
import { monthBill, type TenantBill } from "../../model/cost/month-bill.ts";
import { microUsd, usdOf, type MicroUsd } from "../../model/cost/money.ts";
import { monthOf, type Month } from "../../model/cost/month.ts";
import { DAY_MS } from "../../model/duration.ts";
import { startOf } from "../../model/usage.ts";
import { billInputs } from "./bill-inputs.ts";
import type { PricingAt } from "./pricing.ts";

/** Eight of each weekday: for a forecast more than enough, for a median just enough. */
export const SEEN_DAYS = 56;

export interface SpendingDeps {
  /** The catalog, as its service role. */
  readonly service: pg.Pool;
  readonly pricingAt: PricingAt;
  /** What all tenants and the platform itself may cost together in a month. */
  readonly environmentBudgetUsd: number;
}

/** The month that is looked at, and when. */
interface Look {
  readonly month: Month;
  readonly nowMs: number;
  /** The last whole day. */
  readonly yesterdayMs: number;
}

/**
 * Tells of budgets, the tenants' and the environment's, that are reached, or will be by the month's end, and of days that
 * leapt. Each once a month, each day's leap once, however often this looks.
 */
export async function watchSpending(
  { service, pricingAt, environmentBudgetUsd }: SpendingDeps,
  nowMs: number,
): Promise<void> {
  const month = monthOf(nowMs);
  const pricing = pricingAt(new Date(nowMs).toISOString().slice(0, 10));
  const bill = monthBill(await billInputs(service, { fromMs: month.fromMs, toMs: nowMs }, pricing));
  const look = { month, nowMs, yesterdayMs: startOf("day", nowMs) - DAY_MS };
  await watchTenants(service, bill.tenants, look);
  await watchEnvironment(service, { budgetUsd: environmentBudgetUsd, spent: bill.total }, look);
}

async function watchTenants(service: pg.Pool, bills: readonly TenantBill[], look: Look): Promise<void> {
  const seen = new Map(
    (await daysUntil(service, look.yesterdayMs, SEEN_DAYS)).map((one) => [tenancyKey(one), one.days]),
  );
  const budgets = await budgetsOf(service);
  for (const { tenant, since, total } of bills) {
    const about = { tenant, key: tenancyKey({ tenant, since }) };
    // Of the day of its creation there is a part.
    const days = (seen.get(about.key) ?? []).filter(({ dayMs }) => dayMs >= Date.parse(since));
    const budgetUsd = budgets.get(about.key);
    if (budgetUsd !== undefined) await watchBudget(service, about, { budgetUsd, spent: total, days }, look);
    await watchDays(service, about, days);
  }
}

async function watchEnvironment(
  service: pg.Pool,
  spending: Pick<Spending, "budgetUsd" | "spent">,
  look: Look,
): Promise<void> {
  const days = await environmentDays(service, look.yesterdayMs);
  // A tenancy's key has a blank: none is this one.
  await watchBudget(service, { key: "environment" }, { ...spending, days }, look);
}

/** What the whole environment came to on each whole day of the last weeks. */
export async function environmentDays(service: Queryable, lastDayMs: number): Promise<readonly DayAmount[]> {
  // Of the day on which the platform was made there is a part.
  const firstMs = (await firstStackMs(service)) ?? Infinity;
  const seen = await totalsUntil(service, lastDayMs, SEEN_DAYS);
  return seen.filter(({ dayMs }) => dayMs >= firstMs);
}

/** Whom an event is about; without a tenant, the environment. The key tells it from those about others. */
type About = Pick<NewSystemEvent, "tenant"> & { readonly key: string };

/** What is held against a budget. */
interface Spending {
  readonly budgetUsd: number;
  /** In this month, so far. */
  readonly spent: MicroUsd;
  /** Whole ones of the last weeks. */
  readonly days: readonly DayAmount[];
}

async function watchBudget(
  service: pg.Pool,
  about: About,
  { budgetUsd, spent, days }: Spending,
  { month, nowMs }: Look,
): Promise<void> {
  const budget = microUsd(budgetUsd);
  const key = `${about.key}/${month.name}`;
  const facts = { month: month.name, budgetUsd, spentUsd: usdOf(spent) };
  const reached = stepReached(spent, budget);
  for (const step of BUDGET_STEPS.filter((each) => reached !== undefined && each <= reached))
    await recordSystemEvent(service, {
      ...{ ...about, kind: "budget.reached", key: `${key}/${step}` },
      detail: { ...facts, percent: step * 100 },
    });
  const forecast = forecastMonth(spent, days, { fromMs: nowMs, toMs: month.toMs });
  if (reached !== 1 && forecast !== undefined && stepReached(forecast.expected, budget) === 1)
    await recordSystemEvent(service, {
      ...{ ...about, kind: "budget.endangered", key },
      detail: { ...facts, forecastUsd: usdOf(forecast.expected) },
    });
}

async function watchDays(service: pg.Pool, about: About, days: readonly DayAmount[]): Promise<void> {
  const anomaly = anomalyOf(days);
  if (anomaly === undefined) return;
  await recordSystemEvent(service, {
    ...{ ...about, kind: "cost.leapt", key: `${about.key}/${anomaly.dayMs}` },
    detail: {
      day: new Date(anomaly.dayMs).toISOString().slice(0, 10),
      usd: usdOf(anomaly.amount),
      usualUsd: usdOf(anomaly.usual),
    },
  });
}
