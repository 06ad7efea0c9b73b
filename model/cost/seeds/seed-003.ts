import { BREAKDOWN_TOTAL_USD, SEED_000 } from "./seed-000.ts";
import { sum, type Statement } from "./statement.ts";

/** What document 003, "Complete Implementation Summary", gives: USD a month, and the saving that each row claims. */
export const SEED_003 = {
  rows: {
    apiGatewayAndVpc: { usd: 500, saving: 0.67 },
    postgresql: { usd: 800, saving: 0.6 },
    timescale: { usd: 1_200, saving: 0.67 },
    s3: { usd: 200, saving: 0.7 },
    kafka: { usd: 200, saving: 0.65 },
  },
  breakEvenMonths: 5.3,
  threeYearRoiPercent: 578,
} as const;

const rows = Object.values(SEED_003.rows);
const total = sum(rows.map(({ usd }) => usd));
/** What the rows would have cost without the savings that they claim. */
const baseline = sum(rows.map(({ usd, saving }) => usd / (1 - saving)));
const savingPercent = (1 - total / baseline) * 100;
const { budgetUsd } = SEED_000;
const underBudgetPercent = (usd: number) => (1 - usd / budgetUsd) * 100;
const left = budgetUsd - total;
const leftByBreakdown = budgetUsd - BREAKDOWN_TOTAL_USD;
const { lambda, cloudWatch } = SEED_000.matrix;

const TABLE = "003, Cost Optimization Strategy";
const ROI = "003, ROI Analysis";
const NOT_A_SAVING =
  `What lies under a budget is not saved. By the savings that its rows claim, the platform would have cost ${baseline.toFixed(0)} ` +
  "before.";
const OF_THE_BREAKDOWN = "The total is of the matrix of document 000; its breakdown has 3,585.";

const NAMES = { postgresql: "PostgreSQL", s3: "bucket", kafka: "Kafka cluster" } as const;

/** Documents 001 and 002 quote the same total. */
export const STATEMENTS_003: readonly Statement[] = [
  {
    id: "003/total",
    place: TABLE,
    claim: "Sum of the table",
    printed: "$2,900",
    computed: [total],
    onceCorrected: [total + lambda + cloudWatch],
    reason: "The table has no row for Lambda and CloudWatch, for which document 000 counts 200 and 300.",
  },
  {
    id: "003/saving",
    place: TABLE,
    claim: "Saving of the whole",
    printed: "94%",
    computed: [savingPercent],
    reason: NOT_A_SAVING,
  },
  {
    id: "003/under-budget",
    place: "003, Business Metrics",
    claim: "Under the budget of $50,000",
    printed: "94%",
    computed: [underBudgetPercent(total)],
    onceCorrected: [underBudgetPercent(BREAKDOWN_TOTAL_USD)],
    reason: OF_THE_BREAKDOWN,
  },
  {
    id: "003/left-of-budget",
    place: ROI,
    claim: "What is left of the budget each month",
    printed: "$47,100",
    computed: [left],
    onceCorrected: [leftByBreakdown],
    reason: OF_THE_BREAKDOWN,
  },
  {
    id: "003/annual-savings",
    place: ROI,
    claim: "Twelve times that",
    printed: "$565,200",
    computed: [left * 12],
    onceCorrected: [leftByBreakdown * 12],
    reason: `${OF_THE_BREAKDOWN} It is what lies under the budget, and no saving.`,
  },
  {
    id: "003/break-even",
    place: ROI,
    claim: "Months until an investment is paid back",
    printed: "5.3 months",
    computed: [],
    reason: "No investment is given. Document 000 says 8 customers: another thing.",
    implied: { what: "USD of investment", value: left * SEED_003.breakEvenMonths },
  },
  {
    id: "003/three-year-roi",
    place: ROI,
    claim: "Return on the investment in three years",
    printed: "578%",
    computed: [],
    reason: "No investment is given.",
    implied: { what: "USD of investment", value: (left * 36) / (1 + SEED_003.threeYearRoiPercent / 100) },
  },
  {
    id: "001/saving",
    place: "001, Overview",
    claim: "Savings of $2,900 against a budget of $50K",
    printed: "94%",
    computed: [savingPercent],
    reason: NOT_A_SAVING,
  },
  {
    id: "001/under-budget",
    place: "001, end",
    claim: "$2,900 under the budget of $50,000",
    printed: "94%",
    computed: [underBudgetPercent(total)],
    onceCorrected: [underBudgetPercent(BREAKDOWN_TOTAL_USD)],
    reason: OF_THE_BREAKDOWN,
  },
  {
    id: "002/actual",
    place: "002, Target Costs",
    claim: "What 3 customers with 15 machines each cost a month",
    printed: "$2,900",
    computed: [BREAKDOWN_TOTAL_USD],
    reason:
      "Document 000 computes 3,585 for the same; 2,900 is the upper end of its matrix, which leaves things out.",
  },
  ...(["postgresql", "s3", "kafka"] as const).map((row): Statement => {
    const { usd, saving } = SEED_003.rows[row];
    return {
      id: `002/${row}-saving`,
      place: "002, Cost Optimization Features",
      claim: `Cost reduction by a shared ${NAMES[row]}`,
      printed: `${saving * 100}%`,
      computed: [],
      reason: "No cost without the reduction is given.",
      implied: { what: "USD a month without it, by the row of document 003", value: usd / (1 - saving) },
    };
  }),
];
