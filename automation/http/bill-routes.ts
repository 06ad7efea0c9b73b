import * as z from "zod";
import { actualCostOf } from "../../data/catalog/cost-actual.ts";
import { daysOf } from "../../data/catalog/cost-day.ts";
import { tenancyOf } from "../../data/catalog/tenancy.ts";
import type { AttributedLine } from "../../model/cost/attribution.ts";
import { printedCents, sumOf, tenancyKey, type Tenancy } from "../../model/cost/bill.ts";
import { forecastMonth, type DayAmount } from "../../model/cost/forecast.ts";
import { splitExactly, usdOf, type MicroUsd } from "../../model/cost/money.ts";
import { DAY_MS } from "../../model/duration.ts";
import type { TenantId } from "../../model/tenant.ts";
import { startOf } from "../../model/usage.ts";
import type { MonthBills } from "../cost/bills.ts";
import { environmentDays, SEEN_DAYS } from "../cost/watch-spending.ts";
import type { Caller } from "./authenticate.ts";
import { CSV, focusFormat, type PaidLine } from "./bill-export.ts";
import { platformCost, tenantCost } from "./bill-schemas.ts";
import { comparisonBody } from "./cost-comparison-body.ts";
import { monthAsked, monthName } from "./cost-month-query.ts";
import { endpoint, type Endpoint } from "./endpoint.ts";
import { sendRows } from "./row-stream.ts";
import { isoOf } from "./schemas.ts";
import type { ApiServices } from "./services.ts";

const monthQuery = {
  month: monthName.optional().meta({ description: "Of UTC, `2026-11`; the running one when left out" }),
};
export function billEndpoints({ catalog, bills, environmentBudgetUsd, nowMs }: ApiServices): Endpoint[] {
  return [
    endpoint({
      method: "get",
      path: "/v1/cost",
      summary: "What a tenant costs in a month, or all of them",
      description:
        "Lines of the tenant's own stack, of its use, and of its part of what all share; they add up to the bill to the " +
        "micro-dollar, and the printed cents to the printed total. Platform roles may leave the tenant out: then the totals of " +
        "all. A closed month is as it was closed; the running one is at most a minute old. On the local target the " +
        "bill is that of the same platform on AWS.",
      permission: "cost:read",
      tenancy: "optional",
      query: z.strictObject(monthQuery),
      answers: {
        200: {
          description: "The bill",
          content: {
            "application/json": z.strictObject({ cost: z.union([tenantCost, platformCost]) }),
            "text/csv": z.string(),
          },
        },
      },
      async handle({ caller, tenant, query, preferred, keep }) {
        const month = await bills.of(monthAsked(query.month, nowMs()));
        if (preferred(["application/json", "text/csv"]) === "text/csv")
          return {
            stream: async (response) => sendRows(response, CSV, await pagesOf(caller, tenant, month), keep),
          };
        const cost =
          tenant === undefined ? await platformBody(month) : await tenantBody(caller, tenant, month);
        return { status: 200, body: { cost } };
      },
    }),
    endpoint({
      method: "get",
      path: "/v1/cost/export",
      summary: "The lines of a month's bills as CSV",
      description:
        "`focus`: in the columns of FOCUS 1.2, whose BilledCost add up to the month's total. Without a tenant the lines of " +
        "all, the deleted ones and the platform's own part included.",
      permission: "cost:read",
      tenancy: "optional",
      query: z.strictObject({ ...monthQuery, format: z.enum(["csv", "focus"]).default("csv") }),
      answers: { 200: { description: "Rows with a header line", content: { "text/csv": z.string() } } },
      async handle({ caller, tenant, query: { month: name, format }, keep }) {
        const month = await bills.of(monthAsked(name, nowMs()));
        const pages = await pagesOf(caller, tenant, month);
        return {
          stream: (response) => sendRows(response, format === "csv" ? CSV : focusFormat(month), pages, keep),
        };
      },
    }),
  ];

  /** @throws MillwrightError `tenant-unknown` */
  async function tenancyIn(
    caller: Caller,
    tenant: TenantId,
    { tenants }: MonthBills,
  ): Promise<Tenancy & { readonly budgetUsd: number | null }> {
    try {
      return await tenancyOf(catalog.service, tenant);
    } catch (error) {
      // Who works for a tenant is gone with it; the platform's own people still send it its last bill.
      const last = caller.tenant === undefined ? tenants.findLast((one) => one.tenant === tenant) : undefined;
      if (last === undefined) throw error;
      return { tenant, since: last.since, budgetUsd: null };
    }
  }

  async function tenantBody(caller: Caller, tenant: TenantId, month: MonthBills) {
    const tenancy = await tenancyIn(caller, tenant, month);
    const { since, budgetUsd } = tenancy;
    const bill = (await month.billOf(tenancy)) ?? { tenant, since, hours: 0, total: 0, lines: [] };
    const cents = totalCents(month).get(tenancyKey(tenancy)) ?? 0;
    const lineCents = centsOfLines(cents, bill.lines);
    const shared = await month.shared();
    const ofShared = bill.lines.map((line, index) => ({ ...line, cents: lineCents[index] ?? 0 }));
    const shares = [
      ...Map.groupBy(
        ofShared.filter(({ kind }) => kind === "shared"),
        ({ component }) => component,
      ),
    ].map(([component, lines]) => ({
      component,
      part: sumOf(lines) / (shared.get(component) ?? Infinity),
      usd: sumCents(lines.map((line) => line.cents)),
    }));
    return {
      ...monthBody(month),
      ...{ tenant, since, hours: bill.hours, totalUsd: cents / 100, budgetUsdPerMonth: budgetUsd },
      sharedUsd: sumCents(ofShared.filter(({ kind }) => kind === "shared").map((line) => line.cents)),
      forecast: await forecastOf(bill.total, month, (lastDayMs) => tenancyDays(tenancy, lastDayMs)),
      shares,
      lines: ofShared.map(({ component, kind, price, of, unit, quantity, amount, cents: printed }) => ({
        ...{ component, kind, price, of, unit, quantity },
        ...{ usd: printed / 100, microUsd: amount },
      })),
    };
  }

  async function platformBody(month: MonthBills) {
    const cents = totalCents(month);
    const lines = await month.stacks();
    const stacks = Map.groupBy(lines, ({ owner, component }) => `${owner} ${component}`);
    const actual = await actualCostOf(catalog.service, month.month.name);
    return {
      ...monthBody(month),
      stacks: [...stacks.values()].flatMap((same) =>
        same.slice(0, 1).map(({ owner, component }) => ({ owner, component, usd: usdOf(sumOf(same)) })),
      ),
      ...{ totalUsd: sumCents([...cents.values()]), budgetUsdPerMonth: environmentBudgetUsd },
      forecast: await forecastOf(month.total, month, (lastDayMs) =>
        environmentDays(catalog.service, lastDayMs),
      ),
      unattributedUsd: (cents.get(PLATFORM) ?? 0) / 100,
      actual: actual === undefined ? null : comparisonBody(lines, actual),
      tenants: month.tenants.map(({ tenant, since, hours }) => ({
        ...{ tenant, since, hours },
        totalUsd: (cents.get(tenancyKey({ tenant, since })) ?? 0) / 100,
      })),
    };
  }

  async function tenancyDays(tenancy: Tenancy, lastDayMs: number): Promise<readonly DayAmount[]> {
    const toMs = lastDayMs + DAY_MS;
    const seen = await daysOf(catalog.service, tenancy, { fromMs: toMs - SEEN_DAYS * DAY_MS, toMs });
    return seen.filter(({ dayMs }) => dayMs >= Date.parse(tenancy.since));
  }

  /** A page is a tenant's bill. */
  async function pagesOf(
    caller: Caller,
    tenant: TenantId | undefined,
    month: MonthBills,
  ): Promise<AsyncGenerator<readonly PaidLine[]>> {
    const payers = tenant === undefined ? month.tenants : [await tenancyIn(caller, tenant, month)];
    return (async function* () {
      for (const { tenant: id, since } of payers) {
        const payer = { tenant: id, since };
        const bill = await month.billOf(payer);
        yield (bill?.lines ?? []).map((line) => ({ ...line, payer }));
      }
      if (tenant === undefined) yield (await month.unattributed()).map((line) => ({ ...line, payer: null }));
    })();
  }
}

function monthBody({ month, toMs, closed, region, bookDate }: MonthBills) {
  return {
    ...{ month: month.name, from: isoOf(month.fromMs), to: isoOf(toMs) },
    ...{ closedAt: closed?.at ?? null, sha256: closed?.sha256 ?? null },
    ...{ priceBook: { region, date: bookDate }, currency: "USD" as const },
  };
}

/** @param daysUntil - the whole days that were seen, up to this one */
async function forecastOf(
  soFar: MicroUsd,
  { month, toMs, closed }: MonthBills,
  daysUntil: (lastDayMs: number) => Promise<readonly DayAmount[]>,
) {
  if (closed !== null || toMs >= month.toMs) return null;
  const days = await daysUntil(startOf("day", toMs) - DAY_MS);
  const range = forecastMonth(soFar, days, { fromMs: toMs, toMs: month.toMs });
  if (range === undefined) return null;
  const [lowUsd, expectedUsd, highUsd] = [range.low, range.expected, range.high].map(wholeCents);
  return { lowUsd, expectedUsd, highUsd };
}

const PLATFORM = "";

/** Printed totals by the tenancies' keys, and the platform's own. */
function totalCents({ tenants, total }: MonthBills): ReadonlyMap<string, number> {
  const own = total - tenants.reduce((sum, one) => sum + one.total, 0);
  const cents = printedCents([...tenants.map((one) => one.total), own]);
  return new Map([...tenants.map(tenancyKey), PLATFORM].map((key, index) => [key, cents[index] ?? 0]));
}

function centsOfLines(cents: number, lines: readonly AttributedLine[]): readonly number[] {
  return lines.length === 0
    ? []
    : splitExactly(
        cents,
        lines.map(({ amount }) => amount),
      );
}

const sumCents = (cents: readonly number[]) => cents.reduce((sum, one) => sum + one, 0) / 100;
const wholeCents = (amount: number) => Math.round(usdOf(amount) * 100) / 100;
