import { createHash } from "node:crypto";
import type pg from "pg";
import { canonicalJson } from "../../model/canonical-json.ts";
import { sumOf, type Tenancy } from "../../model/cost/bill.ts";
import { monthBill, type BillInputs, type MonthBill, type TenantBill } from "../../model/cost/month-bill.ts";
import type { Month } from "../../model/cost/month.ts";
import { inTransaction, type Queryable } from "../pool.ts";
import { forgetFormerTenancies } from "./billed-tenancy.ts";

/** A month that is closed, without its bills. */
export interface ClosedMonth {
  readonly month: string;
  readonly closedAt: Date;
  readonly region: string;
  readonly bookDate: string;
  readonly total: number;
  readonly unattributed: number;
  /** Of the bills as canonical JSON. */
  readonly sha256: string;
}

/** With which prices a bill was made. */
export interface BillBook {
  readonly region: string;
  /** `2026-11-20` */
  readonly date: string;
}

/**
 * Closes a month: its bills and what they follow from stand as they are from then on. What was deleted in it is forgotten.
 * @returns false when it was closed already; then nothing has changed
 */
export function closeMonth(
  service: pg.Pool,
  month: Month,
  book: BillBook,
  inputs: BillInputs,
): Promise<boolean> {
  const bill = monthBill(inputs);
  const sha256 = hashOf(bill);
  return inTransaction(service, async (tx) => {
    const { rowCount } = await tx.query(
      `insert into cost_month (month, region, book_date, total, unattributed, unattributed_lines, inputs, sha256)
       values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing`,
      [
        ...[month.name, book.region, book.date, bill.total, sumOf(bill.unattributed)],
        ...[JSON.stringify(bill.unattributed), JSON.stringify(inputs), sha256],
      ],
    );
    if (rowCount !== 1) return false;
    for (let first = 0; first < bill.tenants.length; first += BILLS_AT_ONCE)
      await insertBills(tx, month, bill.tenants.slice(first, first + BILLS_AT_ONCE));
    await forgetFormerTenancies(tx, month);
    return true;
  });
}

/** Some megabytes: PostgreSQL takes no more than 256 MB as one value. */
const BILLS_AT_ONCE = 200;

async function insertBills(tx: Queryable, { name }: Month, bills: readonly TenantBill[]): Promise<void> {
  await tx.query(
    `insert into cost_bill (month, about_tenant, since, hours, total, lines)
     select $1, tenant, since, hours, total, lines
       from jsonb_to_recordset($2) as b (tenant text, since timestamptz, hours float8, total bigint, lines jsonb)`,
    [name, JSON.stringify(bills)],
  );
}

const MONTH = `month, closed_at as "closedAt", region, book_date::text as "bookDate", total::float8, unattributed::float8,
  sha256`;

export async function closedMonth(service: Queryable, month: string): Promise<ClosedMonth | undefined> {
  const { rows } = await service.query<ClosedMonth>(`select ${MONTH} from cost_month where month = $1`, [
    month,
  ]);
  return rows[0];
}

/** The newest that is closed. */
export async function lastClosedMonth(service: Queryable): Promise<string | undefined> {
  const { rows } = await service.query<{ month: string }>(
    "select month from cost_month order by month desc limit 1",
  );
  return rows[0]?.month;
}

/** Bills of a closed month by tenant and creation, or that of one tenancy. */
export async function closedBills(
  service: Queryable,
  month: string,
  tenancy?: Tenancy,
): Promise<readonly TenantBill[]> {
  const { rows } = await service.query<Omit<TenantBill, "since"> & { readonly since: Date }>(
    `select about_tenant as tenant, since, hours, total::float8, lines from cost_bill
      where month = $1 and ($2::text is null or (about_tenant = $2 and since = $3)) order by about_tenant collate "C", since`,
    [month, tenancy?.tenant ?? null, tenancy?.since ?? null],
  );
  return rows.map((row) => ({ ...row, since: row.since.toISOString() }));
}

/** What {@link closedBills} come to, without their lines. */
export async function closedTotals(
  service: Queryable,
  month: string,
): Promise<readonly Omit<TenantBill, "lines">[]> {
  const { rows } = await service.query<Omit<TenantBill, "since" | "lines"> & { readonly since: Date }>(
    `select about_tenant as tenant, since, hours, total::float8 from cost_bill
      where month = $1 order by about_tenant, since`,
    [month],
  );
  return rows.map((row) => ({ ...row, since: row.since.toISOString() }));
}

/** The platform's own part of a closed month. */
export async function closedUnattributed(
  service: Queryable,
  month: string,
): Promise<MonthBill["unattributed"]> {
  const { rows } = await service.query<{ lines: MonthBill["unattributed"] }>(
    "select unattributed_lines as lines from cost_month where month = $1",
    [month],
  );
  return rows[0]?.lines ?? [];
}

/** All lines of a closed month, before they were split. */
export async function closedLines(service: Queryable, month: string): Promise<BillInputs["lines"]> {
  const { rows } = await service.query<{ lines: BillInputs["lines"] }>(
    "select inputs -> 'lines' as lines from cost_month where month = $1",
    [month],
  );
  return rows[0]?.lines ?? [];
}

/** What all shared in a closed month, by component; micro-dollars. */
export async function closedShared(service: Queryable, month: string): Promise<ReadonlyMap<string, number>> {
  const { rows } = await service.query<{ component: string; amount: number }>(
    `select l ->> 'component' as component, sum((l ->> 'amount')::bigint)::float8 as amount
       from cost_month, jsonb_array_elements(inputs -> 'lines') l
      where month = $1 and l ->> 'owner' is null and not l ? 'taken' group by 1`,
    [month],
  );
  return new Map(rows.map(({ component, amount }) => [component, amount]));
}

/**
 * Whether the bills of a closed month still follow from what was kept of it, and are still what was kept.
 * @returns undefined: it is not closed
 */
export async function verifyMonth(
  service: Queryable,
  month: string,
): Promise<{ readonly kept: string; readonly recomputed: string; readonly stored: string } | undefined> {
  const { rows } = await service.query<{
    sha256: string;
    inputs: BillInputs;
    total: number;
    unattributed: MonthBill["unattributed"];
  }>(
    "select sha256, inputs, total::float8, unattributed_lines as unattributed from cost_month where month = $1",
    [month],
  );
  const [row] = rows;
  if (row === undefined) return undefined;
  const { total, unattributed } = row;
  const tenants = await closedBills(service, month);
  return {
    kept: row.sha256,
    recomputed: hashOf(monthBill(row.inputs)),
    stored: hashOf({ total, unattributed, tenants }),
  };
}

function hashOf(bill: MonthBill): string {
  return createHash("sha256").update(canonicalJson(bill)).digest("hex");
}
