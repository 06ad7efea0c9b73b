import { billedFor, type BillLine, type OwedLine } from "./bill.ts";
import { inEachCell } from "./materials.ts";
import type { MicroUsd } from "./money.ts";
import { standingBetween } from "./month.ts";
import { commonTime, type TimeSpan } from "./placed-span.ts";

/** What stood in some time, and cost so much a month. */
export interface Stood extends TimeSpan {
  /** Key of the tenancy that pays it; null: all share it. */
  readonly owner: string | null;
  readonly lines: readonly BillLine[];
}

/**
 * The lines of what stood, those that are alike as one: of the same thing by several records, and what each shared cell has.
 * So a bill is as long with ten cells as with one. Where the price changed, a line has both amounts.
 * @param spans - of the bill's time, in their order; what is shared says how much of it is in which, where there are several
 */
export function standingLines(stood: readonly Stood[], spans: readonly TimeSpan[]): readonly OwedLine[] {
  const alike = new Map<string, { line: BillLine; owner: string | null; quantity: number; by: MicroUsd[] }>();
  for (const { owner, lines, ...time } of stood)
    for (const [index, span] of spans.entries()) {
      const { fromMs, toMs } = commonTime(time, span);
      if (fromMs === toMs) continue;
      const standing = standingBetween(fromMs, toMs);
      for (const monthly of lines) {
        const line = { ...billedFor(monthly, standing), of: inEachCell(monthly.of) };
        const key = [owner, line.component, line.price, line.unit, line.of].join("\n");
        const known = alike.get(key) ?? { line, owner, quantity: 0, by: spans.map(() => 0) };
        known.quantity += line.quantity;
        known.by[index] = (known.by[index] ?? 0) + line.amount;
        alike.set(key, known);
      }
    }
  return [...alike.values()].map(({ line, owner, quantity, by }) => ({
    ...{ ...line, quantity, amount: by.reduce((sum, amount) => sum + amount, 0), owner },
    ...(owner === null && spans.length > 1 ? { bySpan: by } : {}),
  }));
}
