import type pg from "pg";
import type { Logger } from "pino";
import { listCells } from "../../data/catalog/cell.ts";
import { keepDay, lastKeptDayMs } from "../../data/catalog/cost-day.ts";
import { closeMonth, lastClosedMonth } from "../../data/catalog/cost-month.ts";
import { firstStackMs, followStacks } from "../../data/catalog/stack-cost.ts";
import { inTransaction } from "../../data/pool.ts";
import { repeat, type Repeated } from "../../data/wait.ts";
import { monthBill } from "../../model/cost/month-bill.ts";
import { monthNamed, monthOf } from "../../model/cost/month.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../model/duration.ts";
import { startOf } from "../../model/usage.ts";
import { billInputs } from "./bill-inputs.ts";
import type { PricingAt } from "./pricing.ts";
import { watchSpending, type SpendingDeps } from "./watch-spending.ts";

/** What was appended before midnight is metered a minute later; a cell that is away for an evening makes up for it. */
export const CLOSE_AFTER_MS = 6 * HOUR_MS;
/** Usage that comes late corrects the days so far back. */
const CORRECTED_DAYS = 2;
/** After a long rest the days are made up for, but not those that no chart and no forecast looks at. */
const MOST_DAYS = 92;

export interface CostDeps {
  /** The catalog, as its service role. */
  readonly service: pg.Pool;
  readonly pricingAt: PricingAt;
  readonly logger: Pick<Logger, "info" | "warn">;
}

type CostWork = (deps: CostDeps & SpendingDeps, nowMs: number) => Promise<void>;

/** By what the log says where it fails. */
const HOURLY: readonly (readonly [failure: string, work: CostWork])[] = [
  ["what the days came to was not kept", keepDays],
  ["no month was closed", closeDueMonths],
  ["nobody looked at budgets", watchSpending],
];

/**
 * Writes down every minute what stands, and once an hour what the days came to, closes months that are over and looks at
 * budgets, until it is stopped. What fails keeps nothing else from being done, and is tried again after a minute. Any number
 * of processes may do so.
 */
export function keepCosts(deps: CostDeps & SpendingDeps, everyMs = MINUTE_MS): Repeated {
  const doneHours = new Map<CostWork, number>();
  const succeeds = async (failure: string, work: CostWork, nowMs: number): Promise<boolean> => {
    try {
      await work(deps, nowMs);
      return true;
    } catch (error) {
      deps.logger.warn({ err: error }, `${failure}; tried again`);
      return false;
    }
  };
  return repeat(everyMs, async () => {
    const nowMs = Date.now();
    await succeeds("what stands was not written down", keepStacks, nowMs);
    const hour = Math.floor(nowMs / HOUR_MS);
    for (const [failure, work] of HOURLY)
      if (doneHours.get(work) !== hour && (await succeeds(failure, work, nowMs))) doneHours.set(work, hour);
  });
}

async function keepStacks({ service, pricingAt }: CostDeps, nowMs: number): Promise<void> {
  const sharedCells = (await listCells(service)).filter(({ tier }) => tier === "shared").length;
  await followStacks(service, pricingAt(dateOf(nowMs), sharedCells).stacks);
}

/** Closes every month that is over for some hours, the oldest first. */
export async function closeDueMonths({ service, pricingAt, logger }: CostDeps, nowMs: number): Promise<void> {
  for (;;) {
    const last = await lastClosedMonth(service);
    const firstMs = last === undefined ? await firstStackMs(service) : monthNamed(last)?.toMs;
    if (firstMs === undefined) return;
    const month = monthOf(firstMs);
    if (nowMs < month.toMs + CLOSE_AFTER_MS) return;
    const pricing = pricingAt(dateOf(month.toMs - DAY_MS));
    const { region, date } = pricing.book;
    const inputs = await billInputs(service, month, pricing);
    if (await closeMonth(service, month, { region, date }, inputs))
      logger.info({ month: month.name, tenantCount: inputs.tenancies.length }, "a month was closed");
  }
}

/** Keeps what each day up to yesterday came to; the last ones again, with what has come late. */
export async function keepDays({ service, pricingAt }: CostDeps, nowMs: number): Promise<void> {
  const today = startOf("day", nowMs);
  const last = await lastKeptDayMs(service);
  const first = await firstStackMs(service);
  if (first === undefined) return;
  const begin = last === undefined ? startOf("day", first) : last - (CORRECTED_DAYS - 1) * DAY_MS;
  for (let dayMs = Math.max(begin, today - MOST_DAYS * DAY_MS); dayMs < today; dayMs += DAY_MS) {
    const inputs = await billInputs(
      service,
      { fromMs: dayMs, toMs: dayMs + DAY_MS },
      pricingAt(dateOf(dayMs)),
    );
    const bill = monthBill(inputs);
    const tenants = bill.tenants.map(({ tenant, since, total }) => ({ tenant, since, amount: total }));
    await inTransaction(service, (tx) => keepDay(tx, dayMs, { total: bill.total, tenants }));
  }
}

export function dateOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
