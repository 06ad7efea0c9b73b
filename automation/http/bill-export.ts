import type { AttributedLine } from "../../model/cost/attribution.ts";
import type { Tenancy } from "../../model/cost/bill.ts";
import { focusRow, FOCUS_COLUMNS } from "../../model/cost/focus.ts";
import { usdOf } from "../../model/cost/money.ts";
import { CSV_TYPE, csvLine } from "../../model/csv.ts";
import type { MonthBills } from "../cost/bills.ts";
import type { RowFormat } from "./row-stream.ts";
import { isoOf } from "./schemas.ts";

/** A line and who pays it; null: the platform. */
export interface PaidLine extends AttributedLine {
  readonly payer: Tenancy | null;
}

const CSV_COLUMNS = ["tenant", "since", "component", "kind", "of", "price", "unit", "quantity", "usd"];
export const CSV: RowFormat<PaidLine> = {
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

export function focusFormat({ month, toMs, region }: MonthBills): RowFormat<PaidLine> {
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
