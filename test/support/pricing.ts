import type { Pricing } from "../../automation/cost/pricing.ts";
import type { BillLine } from "../../model/cost/bill.ts";
import { exactly } from "../../model/cost/range.ts";
import { microUsd } from "../../model/cost/money.ts";
import { bookOf } from "../../model/cost/price-books.ts";

const REGION = "us-east-1";
const BOOK_DATE = "2026-11-20";

/** A line that costs so much in a month of 730 h; shared, it is split by time alone. */
export function monthlyUsd(of: string, usd: number): BillLine {
  const price = "ec2/instance/r7g.large";
  return { component: "security", price, of, unit: "hour", quantity: 730, amount: microUsd(usd) };
}

/** 730 USD a month for the platform, 73 for a dedicated server, and a metered price: sums that a reader can do. */
export function testPricing(more: Partial<Pricing["stacks"]> = {}): Pricing {
  return {
    book: bookOf({ region: REGION, date: BOOK_DATE }),
    stacks: {
      ...{ region: REGION, bookDate: BOOK_DATE, platform: [monthlyUsd("platform", 730)] },
      tenant: { shared: [], dedicated: [monthlyUsd("server", 73)] },
      ...more,
    },
    chargesOf: ({ use }) => [
      { component: "functions", price: "lambda/requests", quantity: exactly(use.readings) },
    ],
  };
}
