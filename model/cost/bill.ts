import type { CostComponent, CostLine } from "./cost-line.ts";
import { MICRO_PER_CENT, splitExactly, type MicroUsd } from "./money.ts";
import { HOURS_PER_MONTH, type Standing } from "./month.ts";

/**
 * One life of a tenant, from its creation to its delete. An id may be used again after a delete, by somebody whom the
 * bills of the first are no business of.
 */
export interface Tenancy {
  readonly tenant: string;
  /** When it was created, ISO 8601 in UTC. */
  readonly since: string;
}

/** Names a life in the records of a bill. */
export function tenancyKey({ tenant, since }: Tenancy): string {
  return `${tenant} ${since}`;
}

/** A position of a bill. */
export interface BillLine {
  readonly component: CostComponent;
  /** Key into the price book. */
  readonly price: string;
  /** What it pays for. */
  readonly of: string;
  readonly unit: string;
  /** In the unit. */
  readonly quantity: number;
  readonly amount: MicroUsd;
}

/** A line and who pays it. */
export interface OwedLine extends BillLine {
  /** Key of the one tenancy that pays it all; null: the platform's, for all to share. */
  readonly owner: string | null;
  /** Of a price for use: the quantity of each tenancy, by key. It is then shared by these, and there is no owner. */
  readonly taken?: Readonly<Record<string, number>>;
  /** Of what all share, where the bill's time has spans: how much of the amount is in each. */
  readonly bySpan?: readonly MicroUsd[];
}

/** The line of a bill that a thing adds that stands for a whole priced month, at its expected quantity. */
export function monthlyLine({ component, price, of, unit, quantity, amount }: CostLine): BillLine {
  return { component, price, of, unit, quantity: quantity.expected, amount: amount.expected };
}

/** What a monthly line comes to when its thing stood for a while. */
export function billedFor(monthly: BillLine, { hours, months }: Standing): BillLine {
  const part = isPerMonth(monthly) ? months : hours / HOURS_PER_MONTH;
  return { ...monthly, quantity: monthly.quantity * part, amount: Math.round(monthly.amount * part) };
}

function isPerMonth({ unit }: BillLine): boolean {
  return unit.endsWith("-month");
}

export function sumOf(lines: readonly Pick<BillLine, "amount">[]): MicroUsd {
  return lines.reduce((total, { amount }) => total + amount, 0);
}

/** Each amount in whole cents, so that they add up to the printed cents of their sum. @param amounts - none negative */
export function printedCents(amounts: readonly MicroUsd[]): readonly number[] {
  if (amounts.length === 0) return [];
  const sum = amounts.reduce((total, amount) => total + amount, 0);
  return splitExactly(Math.round(sum / MICRO_PER_CENT), amounts);
}
