import type pg from "pg";
import {
  closedBills,
  closedMonth,
  closedLines,
  closedShared,
  closedTotals,
  closedUnattributed,
} from "../../data/catalog/cost-month.ts";
import type { AttributedLine } from "../../model/cost/attribution.ts";
import { sumOf, tenancyKey, type OwedLine, type Tenancy } from "../../model/cost/bill.ts";
import { SHARED_STACKS, type MatchedCost } from "../../model/cost/cost-comparison.ts";
import { monthBill, type TenantBill } from "../../model/cost/month-bill.ts";
import type { MicroUsd } from "../../model/cost/money.ts";
import type { Month } from "../../model/cost/month.ts";
import { MINUTE_MS } from "../../model/duration.ts";
import { billInputs } from "./bill-inputs.ts";
import type { PricingAt } from "./pricing.ts";

/** The bills of a month, closed or as it is so far. */
export interface MonthBills {
  readonly month: Month;
  /** Up to when it is counted: the month's end, or now. */
  readonly toMs: number;
  readonly region: string;
  readonly bookDate: string;
  /** null: the month is not closed. */
  readonly closed: { readonly at: string; readonly sha256: string } | null;
  readonly total: MicroUsd;
  /** By tenant and creation. */
  readonly tenants: readonly Omit<TenantBill, "lines">[];
  /** The bill of one of those. */
  readonly billOf: (tenancy: Tenancy) => Promise<TenantBill | undefined>;
  /** The platform's own part. */
  readonly unattributed: () => Promise<readonly AttributedLine[]>;
  /** What all share, by component. */
  readonly shared: () => Promise<ReadonlyMap<string, MicroUsd>>;
  /** What each stack costs, and what is paid by use, which is on the shared ones. */
  readonly stacks: () => Promise<readonly MatchedCost[]>;
}

export interface Bills {
  readonly of: (month: Month) => Promise<MonthBills>;
}

interface BillDeps {
  /** The catalog, as its service role: a tenant's part depends on what its neighbours used. */
  readonly service: pg.Pool;
  readonly pricingAt: PricingAt;
  readonly nowMs: () => number;
}

/** A month that goes on is computed at most so often: meters bring nothing new sooner. */
const FRESH_MS = MINUTE_MS;

/** Bills of closed months as they were kept, and of the others by what the catalog has now. */
export function openBills({ service, pricingAt, nowMs }: BillDeps): Bills {
  let known:
    { readonly name: string; readonly atMs: number; readonly bills: Promise<MonthBills> } | undefined;
  return {
    async of(month) {
      const closed = await keptMonth(service, month);
      if (closed !== undefined) return closed;
      const atMs = nowMs();
      if (known?.name !== month.name || atMs - known.atMs > FRESH_MS) {
        const made = { name: month.name, atMs, bills: openMonth(month, atMs) };
        made.bills.catch(() => (known = known === made ? undefined : known)); // the next call tries again
        known = made;
      }
      return known.bills;
    },
  };

  async function openMonth(month: Month, atMs: number): Promise<MonthBills> {
    const toMs = Math.max(month.fromMs, Math.min(month.toMs, atMs));
    const pricing = pricingAt(new Date(Math.min(atMs, month.toMs - 1)).toISOString().slice(0, 10));
    const { region, date: bookDate } = pricing.book;
    const inputs = await billInputs(service, { fromMs: month.fromMs, toMs }, pricing);
    const { total, tenants, unattributed } = monthBill(inputs);
    const byKey = new Map(tenants.map((one) => [tenancyKey(one), one]));
    const shared = sharedByComponent(inputs.lines);
    return {
      ...{ month, toMs, region, bookDate, closed: null, total, tenants },
      billOf: (tenancy) => Promise.resolve(byKey.get(tenancyKey(tenancy))),
      unattributed: () => Promise.resolve(unattributed),
      shared: () => Promise.resolve(shared),
      stacks: () => Promise.resolve(stackCosts(inputs.lines)),
    };
  }
}

async function keptMonth(service: pg.Pool, month: Month): Promise<MonthBills | undefined> {
  const kept = await closedMonth(service, month.name);
  if (kept === undefined) return undefined;
  const { region, bookDate, total, sha256, closedAt } = kept;
  return {
    ...{ month, toMs: month.toMs, region, bookDate, total },
    closed: { at: closedAt.toISOString(), sha256 },
    tenants: await closedTotals(service, month.name),
    billOf: async (tenancy) => (await closedBills(service, month.name, tenancy))[0],
    unattributed: () => closedUnattributed(service, month.name),
    shared: () => closedShared(service, month.name),
    stacks: async () => stackCosts(await closedLines(service, month.name)),
  };
}

function sharedByComponent(lines: readonly OwedLine[]): ReadonlyMap<string, MicroUsd> {
  const shared = lines.filter(({ owner, taken }) => owner === null && taken === undefined);
  return new Map(
    [...Map.groupBy(shared, ({ component }) => component)].map(([name, of]) => [name, sumOf(of)]),
  );
}

function stackCosts(lines: readonly OwedLine[]): readonly MatchedCost[] {
  return lines.map(({ owner, component, price, amount }) => ({
    owner: owner?.split(" ")[0] ?? SHARED_STACKS,
    ...{ component, price, amount },
  }));
}
