import { SEED_004 } from "./seed-004-figures.ts";
import { SUMMARY_TOTAL_USD } from "./seed-004-services.ts";
import { sum, type Statement } from "./statement.ts";

/** Low and high as the document prints them. */
export type Span = readonly [low: number, high: number];

export interface SeedOption {
  readonly id: "A" | "B" | "C" | "D";
  readonly name: string;
  /** USD a month: as the options are compared in the end, and in the table at the document's beginning. */
  readonly monthlyUsd: Span;
  readonly monthlyUsdAtFirst: Span;
  /** USD a year of the TCO table. */
  readonly yearlyUsd: Readonly<Record<"infrastructure" | "labour" | "training" | "tools", Span>>;
  /** As the comparison prints it, USD a year. */
  readonly comparedTcoUsd: Span;
  readonly engineers: Span;
  readonly weeks: number;
}

const K = (low: number, high: number): Span => [low * 1_000, high * 1_000];

/** Document 004, "Cost Comparison: All Options" and "Annual Total Cost of Ownership", for 30 tenants. */
export const SEED_OPTIONS: readonly SeedOption[] = [
  {
    id: "A",
    name: "Flink and Snowflake",
    monthlyUsd: [2_500, 4_200],
    monthlyUsdAtFirst: [2_500, 4_200],
    yearlyUsd: {
      infrastructure: K(30, 50),
      labour: K(450, 600),
      training: K(25, 40),
      tools: K(20, 30),
    },
    comparedTcoUsd: K(525, 720),
    engineers: [3, 4],
    weeks: 24,
  },
  {
    id: "B",
    name: "Snowflake and Lambda",
    monthlyUsd: [2_270, 3_600],
    monthlyUsdAtFirst: [2_170, 3_450],
    yearlyUsd: {
      infrastructure: K(26, 41),
      labour: K(300, 450),
      training: K(10, 15),
      tools: K(10, 15),
    },
    comparedTcoUsd: K(351, 529),
    engineers: [2, 3],
    weeks: 20,
  },
  {
    id: "C",
    name: "IoT SiteWise",
    monthlyUsd: [21_150, 21_150],
    monthlyUsdAtFirst: [26_000, 30_000],
    yearlyUsd: {
      infrastructure: K(244, 254),
      labour: K(450, 600),
      training: K(20, 30),
      tools: K(20, 30),
    },
    comparedTcoUsd: K(734, 914),
    engineers: [3, 4],
    weeks: 28,
  },
  {
    id: "D",
    name: "Timestream and Grafana",
    monthlyUsd: [3_965, 3_965],
    monthlyUsdAtFirst: [3_900, 5_200],
    yearlyUsd: {
      infrastructure: K(44, 48),
      labour: K(300, 450),
      training: K(15, 20),
      tools: K(15, 20),
    },
    comparedTcoUsd: K(377, 537),
    engineers: [2, 3],
    weeks: 22,
  },
];

const byId = Object.fromEntries(SEED_OPTIONS.map((option) => [option.id, option])) as Record<
  SeedOption["id"],
  SeedOption
>;
const { A, B, C, D } = byId;
const ends = <T>(compute: (end: 0 | 1) => T): [T, T] => [compute(0), compute(1)];
/** USD a year, low and high: sum of the TCO table's rows. */
const tcoOf = ({ yearlyUsd }: SeedOption) =>
  ends((end) => sum(Object.values(yearlyUsd).map((span) => span[end])));
const withInfrastructure = (option: SeedOption, monthlyUsd: Span) =>
  ends((end) => tcoOf(option)[end] - option.yearlyUsd.infrastructure[end] + monthlyUsd[end] * 12);

const PER_ENGINEER_USD = 150_000;
const PHASE_WEEKS = [3, 3, 2, 3, 4, 2, 2, 3];
const BUFFER_WEEKS = 2;
const phaseWeeks = sum(PHASE_WEEKS);

const real: Span = [SUMMARY_TOTAL_USD, SUMMARY_TOTAL_USD];
const dPrinted = D.monthlyUsd[0];
const moreThanB = (usd: number) => [B.monthlyUsd[1], B.monthlyUsd[0]].map((b) => (usd / b - 1) * 100);
const timesC = C.monthlyUsd[0] / dPrinted;
const timesCReal = C.monthlyUsd[0] / SUMMARY_TOTAL_USD;

const OPTIONS = "004, Cost Comparison: All Options";
const TCO = "004, Annual Total Cost of Ownership";
const COST_SUMMARY = "004, Cost Summary";
const THE_TOTAL = "The rows of option D add up to 4,286.";

const printedK = (span: Span) => `$${span[0] / 1_000}K-$${span[1] / 1_000}K`;
const printedUsd = (span: Span) => span.map((usd) => `$${usd.toLocaleString("en-US")}`).join("-");

const INFRASTRUCTURE_REASONS: Readonly<Record<SeedOption["id"], { readonly reason?: string }>> = {
  A: {},
  B: {},
  C: { reason: "21,150 × 12; nothing gives the lower end." },
  D: { reason: "3,965 × 12, and no range; then with what its rows add up to." },
};
const COMPARED_REASONS: Readonly<Record<SeedOption["id"], { readonly reason?: string }>> = {
  A: {},
  B: { reason: "The TCO table's rows, with twelve months of B with its functions (2,270 to 3,600)." },
  C: {},
  D: { reason: "The TCO table of the same document has 374 to 538; then with what D's rows add up to." },
};

const perTenant = (option: SeedOption, printed: string): Statement => ({
  id: `004/options/${option.id}/per-tenant`,
  place: OPTIONS,
  claim: `Option ${option.id}, cost of one of 30 tenants`,
  printed,
  computed: ends((end) => option.monthlyUsd[end] / SEED_004.tenants).slice(0, printed.includes("-") ? 2 : 1),
  ...(option === D ? { onceCorrected: [SUMMARY_TOTAL_USD / SEED_004.tenants], reason: THE_TOTAL } : {}),
});

export const STATEMENTS_004_COMPARISON: readonly Statement[] = [
  ...[perTenant(A, "$83-$140"), perTenant(B, "$76-$120"), perTenant(C, "$705"), perTenant(D, "$132")],
  ...([A, B, C, D] as const).flatMap((option): Statement[] => {
    const { id, yearlyUsd, engineers, comparedTcoUsd } = option;
    const monthly = { A: A.monthlyUsd, B: B.monthlyUsdAtFirst, C: C.monthlyUsd, D: D.monthlyUsd }[id];
    const isReal = id === "D";
    const infrastructure: Statement = {
      id: `004/tco/${id}/infrastructure`,
      place: TCO,
      claim: `Option ${id}, twelve months of infrastructure`,
      printed: printedK(yearlyUsd.infrastructure),
      computed: ends((end) => monthly[end] * 12),
      ...INFRASTRUCTURE_REASONS[id],
      ...(isReal ? { onceCorrected: ends((end) => real[end] * 12) } : {}),
    };
    const labour: Statement = {
      id: `004/tco/${id}/labour`,
      place: TCO,
      claim: `Option ${id}, ${engineers.join(" to ")} engineers at ${PER_ENGINEER_USD.toLocaleString("en-US")}`,
      printed: printedK(yearlyUsd.labour),
      computed: ends((end) => engineers[end] * PER_ENGINEER_USD),
    };
    const total: Statement = {
      id: `004/tco/${id}/total`,
      place: TCO,
      claim: `Option ${id}, sum of the year`,
      printed: { A: "$525K-$720K", B: "$346K-$521K", C: "$734K-$914K", D: "$374K-$538K" }[id],
      computed: tcoOf(option),
      ...(isReal
        ? {
            onceCorrected: withInfrastructure(D, real),
            reason: "With twelve months of what its rows add up to.",
          }
        : {}),
    };
    const compared: Statement = {
      id: `004/options/${id}/tco`,
      place: OPTIONS,
      claim: `Option ${id}, yearly cost as the comparison has it`,
      printed: printedK(comparedTcoUsd),
      computed: id === "B" ? withInfrastructure(B, B.monthlyUsd) : tcoOf(option),
      ...COMPARED_REASONS[id],
      ...(isReal ? { onceCorrected: withInfrastructure(D, real) } : {}),
    };
    return [infrastructure, labour, total, compared];
  }),
  {
    id: "004/options/C-by-D",
    place: OPTIONS,
    claim: "How many times cheaper D is than C",
    printed: "5.3x",
    computed: [timesC],
    onceCorrected: [timesCReal],
    reason: THE_TOTAL,
  },
  {
    id: "004/options/C-by-D-at-first",
    place: "004, Key Findings",
    claim: "How many times cheaper D is than SiteWise, by the first table",
    printed: "5-6x",
    computed: [
      C.monthlyUsdAtFirst[0] / D.monthlyUsdAtFirst[1],
      C.monthlyUsdAtFirst[1] / D.monthlyUsdAtFirst[0],
    ],
    reason: "26,000 / 5,200 to 30,000 / 3,900.",
  },
  {
    id: "004/options/ten-times",
    place: "004, Why Timestream Over SiteWise?",
    claim: "How many times cheaper than $13,732 are $800 to $1,200",
    printed: "10x",
    computed: [13_732 / 1_200, 13_732 / 800],
    reason: "The table above it says more than it concludes.",
  },
  {
    id: "004/options/D-by-B",
    place: OPTIONS,
    claim: "How many times dearer D is than B",
    printed: "1.75x",
    computed: [dPrinted / B.monthlyUsd[1], dPrinted / B.monthlyUsd[0]],
    onceCorrected: [SUMMARY_TOTAL_USD / B.monthlyUsd[1], SUMMARY_TOTAL_USD / B.monthlyUsd[0]],
    reason: "Only at the low end of B.",
  },
  {
    id: "004/options/D-premium",
    place: "004, Conclusion",
    claim: "How many percent dearer D is than B",
    printed: "10-20%",
    computed: moreThanB(dPrinted),
    onceCorrected: moreThanB(SUMMARY_TOTAL_USD),
    reason: "From B's high end to its low end.",
  },
  {
    id: "004/options/D-premium-in-summary",
    place: COST_SUMMARY,
    claim: "The same in the summary",
    printed: "10-47%",
    computed: moreThanB(dPrinted),
    onceCorrected: moreThanB(SUMMARY_TOTAL_USD),
    reason: "47 % is the largest difference over B's high end: the two ends do not belong together.",
  },
  {
    id: "004/summary/monthly-difference",
    place: COST_SUMMARY,
    claim: "D over B, a month",
    printed: "+$365 to +$1,695",
    computed: [dPrinted - B.monthlyUsd[1], dPrinted - B.monthlyUsd[0]],
    onceCorrected: [SUMMARY_TOTAL_USD - B.monthlyUsd[1], SUMMARY_TOTAL_USD - B.monthlyUsd[0]],
    reason: THE_TOTAL,
  },
  {
    id: "004/summary/tco-difference",
    place: COST_SUMMARY,
    claim: "D over B, a year",
    printed: "+$23K to +$9K",
    computed: ends((end) => tcoOf(D)[end] - B.comparedTcoUsd[end]),
    onceCorrected: ends((end) => withInfrastructure(D, real)[end] - withInfrastructure(B, B.monthlyUsd)[end]),
    reason: "With twelve months of what D's rows add up to, and of B with its functions.",
  },
  {
    id: "004/summary/per-tenant-difference",
    place: COST_SUMMARY,
    claim: "D over B for one tenant",
    printed: "+$12 to +$56",
    computed: [132 - 120, 132 - 76],
    onceCorrected: [
      (SUMMARY_TOTAL_USD - B.monthlyUsd[1]) / SEED_004.tenants,
      (SUMMARY_TOTAL_USD - B.monthlyUsd[0]) / SEED_004.tenants,
    ],
    reason: THE_TOTAL,
  },
  {
    id: "004/tco/savings",
    place: TCO,
    claim: "What D saves against C in a year",
    printed: "$360K-$376K",
    computed: ends((end) => tcoOf(C)[end] - tcoOf(D)[end]),
    onceCorrected: ends((end) => tcoOf(C)[end] - withInfrastructure(D, real)[end]),
    reason: THE_TOTAL,
  },
  {
    id: "004/tco/savings-percent",
    place: TCO,
    claim: "The same in percent of C",
    printed: "49-53%",
    computed: ends((end) => (1 - tcoOf(D)[end] / tcoOf(C)[end]) * 100),
    onceCorrected: ends((end) => (1 - withInfrastructure(D, real)[end] / tcoOf(C)[end]) * 100),
    reason: "376 of 914 is 41 %, not 53.",
  },
  {
    id: "004/options/D-monthly",
    place: "004, Key Differences from Other Options",
    claim: "Option D, a month",
    printed: printedUsd(D.monthlyUsdAtFirst),
    computed: [],
    reason: "The detailed breakdown adds up to 4,286; nothing gives the upper end.",
  },
  {
    id: "004/options/C-monthly",
    place: "004, Key Differences from Other Options",
    claim: "Option C, a month",
    printed: printedUsd(C.monthlyUsdAtFirst),
    computed: [],
    reason: "The comparison in the end has 21,150, and the document's own function gives 9.7 million.",
  },
  {
    id: "004/weeks",
    place: "004, Phase-by-Phase Breakdown",
    claim: "Weeks of all phases and the buffer",
    printed: "24 weeks",
    computed: [phaseWeeks + BUFFER_WEEKS],
  },
  {
    id: "004/weeks-compared",
    place: "004, Timeline Comparison",
    claim: "Weeks of option D beside the other options",
    printed: "22 weeks",
    computed: [phaseWeeks + BUFFER_WEEKS],
    reason: "22 is without the buffer that the table counts; A has 24 then, and D is not faster.",
  },
  {
    id: "004/unoptimised-queries",
    place: "004, Critical Risks",
    claim: "100 users with 10 queries a minute, a day",
    printed: "$14,400",
    computed: [],
    reason: "How much a query scans is not said there.",
    implied: { what: "GB that a query scans", value: 14_400 / (100 * 10 * 1_440) / 0.01 },
  },
  {
    id: "004/quicksight",
    place: "004, Why Grafana Over QuickSight or SiteWise Monitor?",
    claim: "QuickSight for 1,500 users at $0.30 a session",
    printed: "$4,500",
    computed: [],
    reason: "How many sessions a user has is not said.",
    implied: { what: "sessions of a user in a month", value: 4_500 / 1_500 / 0.3 },
  },
];
