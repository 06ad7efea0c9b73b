import { sum, type Statement } from "./statement.ts";

/** What document 000, "Cost-Optimized Hybrid Architecture", gives: USD a month unless a name says otherwise. */
export const SEED_000 = {
  budgetUsd: 50_000,
  customers: 3,
  machinesPerCustomer: 15,
  /** Architecture Decision Matrix. */
  matrix: {
    apiGatewayPerCustomer: 150,
    timescale: [400, 600],
    postgresql: 500,
    s3: 50,
    kafka: 800,
    lambda: 200,
    cloudWatch: 300,
  },
  /** Smart TimescaleDB Allocation Strategy. */
  strategy: { sharedInstance: 1_000, sharedInstances: 2, sharedStorage: 200, dedicatedInstance: 500 },
  /** Projected Monthly Costs Breakdown. */
  breakdown: {
    perCustomer: { vpc: 150, apiGateway: 50, nat: 45 },
    shared: { timescale: 1_000, postgresql: 500, s3: 50, kafka: 800, lambda: 200, cloudWatch: 300 },
  },
  projected: { at10: 8_950, at50: 25_000, breakEvenCustomers: 8 },
  s3SavingPerCustomer: 118,
} as const;

const { customers, machinesPerCustomer, matrix, strategy, breakdown, projected } = SEED_000;
const { perCustomer, shared } = breakdown;
const perCustomerSum = sum(Object.values(perCustomer));
const matrixFixed =
  matrix.apiGatewayPerCustomer * customers +
  matrix.postgresql +
  matrix.s3 +
  matrix.kafka +
  matrix.lambda +
  matrix.cloudWatch;

/** The breakdown's total, from which the other documents' figures differ. */
export const BREAKDOWN_TOTAL_USD = perCustomerSum * customers + sum(Object.values(shared));

const strategyCluster = strategy.sharedInstance * strategy.sharedInstances + strategy.sharedStorage;
const strategyTotal = BREAKDOWN_TOTAL_USD - shared.timescale + strategyCluster;
const marginalTo10 = (projected.at10 - BREAKDOWN_TOTAL_USD) / (10 - customers);
const marginalTo50 = (projected.at50 - projected.at10) / 40;
const costAtBreakEven = BREAKDOWN_TOTAL_USD + marginalTo10 * (projected.breakEvenCustomers - customers);

/** Documents 002 and 003: a shared bucket saves 70 %. */
const S3_SHARED_SAVING = 0.7;
const s3Saving = (matrix.s3 / (1 - S3_SHARED_SAVING)) * S3_SHARED_SAVING;

const MATRIX = "000, Architecture Decision Matrix";
const BREAKDOWN = "000, Projected Monthly Costs Breakdown";
const FINAL = "000, Final Recommendations";

const OF_THE_STRATEGY = "With the shared cluster that the document's strategy describes.";

export const STATEMENTS_000: readonly Statement[] = [
  {
    id: "000/machines",
    place: BREAKDOWN,
    claim: "Machines of 3 customers with 15 each",
    printed: "45",
    computed: [customers * machinesPerCustomer],
  },
  {
    id: "000/budget-per-customer",
    place: FINAL,
    claim: "The budget's part of one customer",
    printed: "$16,667",
    computed: [SEED_000.budgetUsd / customers],
  },
  {
    id: "000/matrix/api-gateway",
    place: MATRIX,
    claim: "API Gateway, $150 for each customer",
    printed: "$450",
    computed: [matrix.apiGatewayPerCustomer * customers],
  },
  {
    id: "000/matrix/total",
    place: MATRIX,
    claim: "Sum of the matrix",
    printed: "$2,700-2,900",
    computed: matrix.timescale.map((timescale) => matrixFixed + timescale),
  },
  {
    id: "000/matrix/platform",
    place: MATRIX,
    claim: "What the platform costs, against the breakdown of the same document",
    printed: "$2,900",
    computed: [BREAKDOWN_TOTAL_USD],
    reason:
      "The matrix leaves out the API gateways (150) and NAT gateways (135) that the breakdown has, and counts TimescaleDB with " +
      "600 instead of 1,000: together 685.",
  },
  {
    id: "000/breakdown/vpcs",
    place: BREAKDOWN,
    claim: "VPCs of 3 customers",
    printed: "$450",
    computed: [perCustomer.vpc * customers],
  },
  {
    id: "000/breakdown/api-gateways",
    place: BREAKDOWN,
    claim: "API gateways of 3 customers",
    printed: "$150",
    computed: [perCustomer.apiGateway * customers],
  },
  {
    id: "000/breakdown/nat-gateways",
    place: BREAKDOWN,
    claim: "NAT gateways of 3 customers",
    printed: "$135",
    computed: [perCustomer.nat * customers],
  },
  {
    id: "000/breakdown/timescale",
    place: BREAKDOWN,
    claim: "The shared TimescaleDB cluster, by the document's own strategy",
    printed: "$1,000",
    computed: [strategyCluster],
    reason:
      "The strategy has two instances at 1,000 (primary and replica) and 200 of storage; the breakdown counts one instance.",
  },
  {
    id: "000/total",
    place: BREAKDOWN,
    claim: "Sum of the breakdown",
    printed: "$3,585",
    computed: [BREAKDOWN_TOTAL_USD],
    onceCorrected: [strategyTotal],
    reason: `With the cluster of the strategy; ${strategy.dedicatedInstance} more for each dedicated customer.`,
  },
  {
    id: "000/per-customer",
    place: BREAKDOWN,
    claim: "Cost of one customer",
    printed: "$1,195",
    computed: [BREAKDOWN_TOTAL_USD / customers],
    onceCorrected: [strategyTotal / customers],
    reason: OF_THE_STRATEGY,
  },
  {
    id: "000/per-machine",
    place: BREAKDOWN,
    claim: "Cost of one machine",
    printed: "$79.67",
    computed: [BREAKDOWN_TOTAL_USD / (customers * machinesPerCustomer)],
    onceCorrected: [strategyTotal / (customers * machinesPerCustomer)],
    reason: OF_THE_STRATEGY,
  },
  {
    id: "000/at-10-customers",
    place: BREAKDOWN,
    claim: "Cost at 10 customers",
    printed: "$8,950",
    computed: [],
    reason:
      `The document's lines that grow with customers are ${perCustomerSum} each, which gives ` +
      `${BREAKDOWN_TOTAL_USD + perCustomerSum * (10 - customers)}; what else grows is not said.`,
    implied: { what: "USD that each further customer adds", value: marginalTo10 },
  },
  {
    id: "000/at-50-customers",
    place: BREAKDOWN,
    claim: "Cost at 50 customers",
    printed: "$25,000",
    computed: [],
    reason: `The lines that grow with customers give ${BREAKDOWN_TOTAL_USD + perCustomerSum * (50 - customers)}.`,
    implied: { what: "USD that each further customer adds, beyond 10", value: marginalTo50 },
  },
  {
    id: "000/break-even",
    place: BREAKDOWN,
    claim: "Customers at which the platform becomes profitable",
    printed: "8 customers",
    computed: [],
    reason:
      "No price is given that a customer pays. Document 003 calls 5.3 months the break-even: another thing.",
    implied: {
      what: "USD a month that a customer would pay, by the document's own growth",
      value: costAtBreakEven / projected.breakEvenCustomers,
    },
  },
  {
    id: "000/shared-s3-saving",
    place: FINAL,
    claim: "What a shared bucket saves for each customer",
    printed: "$118",
    computed: [s3Saving / customers],
    reason:
      `For 3 customers ${SEED_000.s3SavingPerCustomer * customers}, seven times the whole line of ${matrix.s3}. The 70 % of documents 002 and 003 ` +
      `mean ${s3Saving.toFixed(2)} for all three together.`,
  },
  {
    id: "000/api-per-customer",
    place: FINAL,
    claim: "A VPC for each customer's API",
    printed: "$150",
    computed: [perCustomer.vpc],
    onceCorrected: [perCustomerSum],
    reason: "With the API gateway and the NAT gateway that the breakdown puts into each.",
  },
];
