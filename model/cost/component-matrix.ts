import { lineOf, totalOf, type Charge, type CostComponent, type CostLine } from "./cost-line.ts";
import { usdOf } from "./money.ts";
import { findPrice, type PriceBook } from "./price-book.ts";
import { exactly } from "./range.ts";

/** One row of document 000's decision matrix: what it says, what was decided here, and what it costs at list today. */
export interface ComponentDecision {
  readonly component: string;
  readonly decided: "shared" | "dedicated" | "by tier" | "an option";
  readonly reason: string;
  /** USD a month for 3 customers, as each place prints it. */
  readonly printedUsd: Readonly<Partial<Record<"000 matrix" | "000 breakdown" | "003 table", string>>>;
  /** The documents' own things, for 3 customers in a month of 730 h. */
  readonly charges: readonly Charge[];
  /** What is paid by use, and how much of it the printed sum buys. */
  readonly buys?: { readonly price: string; readonly usd: number };
}

export interface PricedDecision extends ComponentDecision {
  readonly lines: readonly CostLine[];
  /** USD a month; null where a price is missing or everything is paid by use. */
  readonly listUsd: number | null;
  /** How many units of `buys` the printed sum pays for, by the first step of the price. */
  readonly bought: { readonly quantity: number; readonly unit: string } | null;
  /** Prices that the book does not have. */
  readonly missing: readonly string[];
}

const HOURS = 730;
const CUSTOMERS = 3;

const charge = (component: CostComponent, price: string, quantity: number): Charge => ({
  ...{ component, price, quantity: exactly(quantity) },
});

export const COMPONENT_DECISIONS: readonly ComponentDecision[] = [
  {
    component: "API Gateway and its network",
    decided: "an option",
    reason:
      "A VPC costs nothing, and API Gateway is in none: what costs are the NAT gateway and the endpoints of each. One API for " +
      "all, a network of a tenant's own where a customer wants it; an account has five.",
    printedUsd: {
      "000 matrix": "$450",
      "000 breakdown": "$450 + $150 + $135",
      "003 table": "$500",
    },
    charges: [
      charge("network", "nat/hours", CUSTOMERS * HOURS),
      charge("network", "ipv4/hours", CUSTOMERS * HOURS),
      charge("network", "vpc-endpoint/hours", CUSTOMERS * 5 * 2 * HOURS), // five services, two zones
    ],
    buys: { price: "api-gateway/rest-requests", usd: 150 },
  },
  {
    component: "TimescaleDB",
    decided: "by tier",
    reason:
      "RDS has no timescaledb, and nobody sells it by the query: it runs on servers of its own, a pair shared by small tenants, " +
      "a pair of its own for one that outgrows it.",
    printedUsd: { "000 matrix": "$400-600", "000 breakdown": "$1,000", "003 table": "$1,200" },
    charges: [
      charge("time-series", "ec2/instance/r6g.2xlarge", 2 * HOURS),
      charge("time-series", "ebs/gp3-storage", 2 * 2_000),
    ],
  },
  {
    component: "PostgreSQL",
    decided: "shared",
    reason: "Few rows a tenant; row-level security keeps them apart, in two zones in production.",
    printedUsd: { "000 matrix": "$500", "000 breakdown": "$500", "003 table": "$800" },
    charges: [
      charge("catalog", "rds/postgresql/db.r6g.xlarge/multi-az", HOURS),
      charge("catalog", "rds/gp3-storage/multi-az", 100),
    ],
  },
  {
    component: "S3",
    decided: "shared",
    reason:
      "One bucket with a prefix for each tenant; storage is paid by the GB, so that sharing saves little.",
    printedUsd: { "000 matrix": "$50", "000 breakdown": "$50", "003 table": "$200" },
    charges: [],
    buys: { price: "s3/standard-storage", usd: 50 },
  },
  {
    component: "Kafka (MSK)",
    decided: "shared",
    reason:
      "Three brokers take some hundred tenants; a topic of its own for each, or one for many small ones.",
    printedUsd: { "000 matrix": "$800", "000 breakdown": "$800", "003 table": "$200" },
    charges: [
      charge("event-log", "msk/broker/kafka.m5.large", 3 * HOURS),
      charge("event-log", "msk/storage", 300),
    ],
  },
  {
    component: "Lambda",
    decided: "shared",
    reason: "Paid by what runs; a function for each tenant would cost the same and start cold more often.",
    printedUsd: { "000 matrix": "$200", "000 breakdown": "$200" },
    charges: [],
    buys: { price: "lambda/requests", usd: 200 },
  },
  {
    component: "CloudWatch",
    decided: "dedicated",
    reason: "A dashboard and alarms for each tenant, which cost a few dollars; metrics are what costs.",
    printedUsd: { "000 matrix": "$300", "000 breakdown": "$300" },
    charges: [],
    buys: { price: "cloudwatch/metrics", usd: 300 },
  },
];

/** The decisions at the prices of a book. A price that it does not have is named, and the row has no sum. */
export function priceDecisions(book: PriceBook): PricedDecision[] {
  return COMPONENT_DECISIONS.map((decision) => {
    const { component, charges, buys } = decision;
    const keys = [...charges.map(({ price }) => price), ...(buys === undefined ? [] : [buys.price])];
    const isPriced = (key: string) => findPrice(book, key) !== undefined;
    const lines = charges.filter(({ price }) => isPriced(price)).map((one) => lineOf(book, component, one));
    const hasSum = charges.length > 0 && lines.length === charges.length;
    return {
      ...{ ...decision, lines, missing: keys.filter((key) => !isPriced(key)) },
      listUsd: hasSum ? usdOf(totalOf(lines).expected) : null,
      bought: buys === undefined ? null : boughtFor(book, buys),
    };
  });
}

function boughtFor(book: PriceBook, { price, usd }: { readonly price: string; readonly usd: number }) {
  const found = findPrice(book, price);
  const first = found?.steps[0]?.usd;
  return found === undefined || first === undefined ? null : { quantity: usd / first, unit: found.unit };
}
