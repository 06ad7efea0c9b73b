import * as z from "zod";
import { actualCostOf } from "../../data/catalog/cost-actual.ts";
import { daysOf } from "../../data/catalog/cost-day.ts";
import { tenancyOf } from "../../data/catalog/tenancy.ts";
import type { Queryable } from "../../data/pool.ts";
import { ATTRIBUTIONS, type AttributedLine } from "../../model/cost/attribution.ts";
import { printedCents, sumOf, tenancyKey, type Tenancy } from "../../model/cost/bill.ts";
import { COST_COMPONENTS } from "../../model/cost/cost-line.ts";
import { focusRow, FOCUS_COLUMNS } from "../../model/cost/focus.ts";
import { forecastMonth } from "../../model/cost/forecast.ts";
import { splitExactly, usdOf } from "../../model/cost/money.ts";
import { CSV_TYPE, csvLine } from "../../model/csv.ts";
import { DAY_MS } from "../../model/duration.ts";
import type { TenantId } from "../../model/tenant.ts";
import { startOf } from "../../model/usage.ts";
import type { MonthBills } from "../cost/bills.ts";
import { SEEN_DAYS } from "../cost/watch-spending.ts";
import type { Caller } from "./authenticate.ts";
import { comparisonBody, costComparison } from "./cost-comparison-body.ts";
import { monthAsked, monthName } from "./cost-month-query.ts";
import { endpoint, type Endpoint } from "./endpoint.ts";
import { sendRows, type RowFormat } from "./row-stream.ts";
import { instant } from "./schemas.ts";
import type { ApiServices } from "./services.ts";

const monthQuery = {
  month: monthName.optional().meta({ description: "Of UTC, `2026-11`; the running one when left out" }),
};
const usd = z.number().meta({ description: "Whole cents that add up" });

const monthFields = {
  month: z.string(),
  from: instant,
  to: instant.meta({ description: "Up to when it is counted" }),
  closedAt: instant.nullable().meta({ description: "From then on nothing changes; null: it still may" }),
  sha256: z.string().nullable().meta({ description: "Of a closed month's bills as canonical JSON" }),
  priceBook: z.strictObject({ region: z.string(), date: z.string() }),
  currency: z.literal("USD"),
};

const costLine = z.strictObject({
  component: z.enum(COST_COMPONENTS),
  kind: z.enum(ATTRIBUTIONS).meta({
    description:
      "own: it stands for this tenant alone; used: paid by use; shared: its part of what all share",
  }),
  price: z.string(),
  of: z.string(),
  unit: z.string(),
  quantity: z.number(),
  usd,
  microUsd: z.int().meta({ description: "The exact amount" }),
});

const tenantCost = z
  .strictObject({
    ...monthFields,
    tenant: z.string(),
    since: instant.meta({ description: "An id may be used again: whose bill it is" }),
    hours: z.number(),
    totalUsd: usd,
    sharedUsd: usd.meta({ description: "Of the total, what is part of what all share" }),
    budgetUsdPerMonth: z.number().nullable(),
    forecast: z
      .strictObject({ lowUsd: usd, expectedUsd: usd, highUsd: usd })
      .nullable()
      .meta({ description: "Of the month's end; null: closed, or no whole day is seen yet" }),
    shares: z.array(
      z.strictObject({ component: z.enum(COST_COMPONENTS), part: z.number().min(0).max(1), usd }),
    ),
    lines: z.array(costLine),
  })
  .meta({ id: "TenantCost" });

const platformCost = z
  .strictObject({
    ...monthFields,
    totalUsd: usd,
    stacks: z
      .array(z.strictObject({ owner: z.string(), component: z.enum(COST_COMPONENTS), usd: z.number() }))
      .meta({
        description:
          "As the provider's own bill has it: by the tag `tenant` of each stack, before anything is split",
      }),
    unattributedUsd: usd.meta({
      description: "What no tenant pays: places that the platform is built for and nobody has taken",
    }),
    actual: costComparison.nullable().meta({
      description: "Beside what the provider's own bill says of the month; null: nobody has reported it",
    }),
    tenants: z.array(
      z.strictObject({ tenant: z.string(), since: instant, hours: z.number(), totalUsd: usd }),
    ),
  })
  .meta({ id: "PlatformCost" });

/** A line and who pays it; null: the platform. */
interface PaidLine extends AttributedLine {
  readonly payer: Tenancy | null;
}

export function billEndpoints({ catalog, bills, nowMs }: ApiServices): Endpoint[] {
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
          tenant === undefined
            ? await platformBody(catalog.service, month)
            : await tenantBody(caller, tenant, month);
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
      forecast: await forecastOf(tenancy, bill.total, month),
      shares,
      lines: ofShared.map(({ component, kind, price, of, unit, quantity, amount, cents: printed }) => ({
        ...{ component, kind, price, of, unit, quantity },
        ...{ usd: printed / 100, microUsd: amount },
      })),
    };
  }

  async function forecastOf(tenancy: Tenancy, soFar: number, { month, toMs, closed }: MonthBills) {
    if (closed !== null || toMs >= month.toMs) return null;
    const today = startOf("day", toMs);
    const seen = await daysOf(catalog.service, tenancy, { fromMs: today - SEEN_DAYS * DAY_MS, toMs: today });
    const whole = seen.filter(({ dayMs }) => dayMs >= Date.parse(tenancy.since));
    const range = forecastMonth(soFar, whole, { fromMs: toMs, toMs: month.toMs });
    if (range === undefined) return null;
    const [lowUsd, expectedUsd, highUsd] = [range.low, range.expected, range.high].map(wholeCents);
    return { lowUsd, expectedUsd, highUsd };
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

async function platformBody(service: Queryable, month: MonthBills) {
  const cents = totalCents(month);
  const lines = await month.stacks();
  const stacks = Map.groupBy(lines, ({ owner, component }) => `${owner} ${component}`);
  const actual = await actualCostOf(service, month.month.name);
  return {
    ...monthBody(month),
    stacks: [...stacks.values()].flatMap((same) =>
      same.slice(0, 1).map(({ owner, component }) => ({ owner, component, usd: usdOf(sumOf(same)) })),
    ),
    totalUsd: sumCents([...cents.values()]),
    unattributedUsd: (cents.get(PLATFORM) ?? 0) / 100,
    actual: actual === undefined ? null : comparisonBody(lines, actual),
    tenants: month.tenants.map(({ tenant, since, hours }) => ({
      ...{ tenant, since, hours },
      totalUsd: (cents.get(tenancyKey({ tenant, since })) ?? 0) / 100,
    })),
  };
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

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}

const CSV_COLUMNS = ["tenant", "since", "component", "kind", "of", "price", "unit", "quantity", "usd"];
const CSV: RowFormat<PaidLine> = {
  mediaType: CSV_TYPE,
  head: csvLine(CSV_COLUMNS),
  line: ({ payer, component, kind, of, price, unit, quantity, amount }) =>
    csvLine([
      payer?.tenant,
      payer?.since,
      component,
      kind,
      of,
      price,
      unit,
      quantity,
      usdOf(amount).toFixed(6),
    ]),
};

function focusFormat({ month, toMs, region }: MonthBills): RowFormat<PaidLine> {
  const period = {
    ...{ billingFrom: isoOf(month.fromMs), billingTo: isoOf(month.toMs) },
    ...{ chargedTo: isoOf(toMs), region },
  };
  return {
    mediaType: CSV_TYPE,
    head: csvLine(FOCUS_COLUMNS),
    line: ({ payer, ...line }) => {
      const row = focusRow(line, payer, period);
      return csvLine(FOCUS_COLUMNS.map((column) => row[column]));
    },
  };
}
