import { addRanges, mapRange, type Range } from "./range.ts";
import { appendixA, MESSAGES_PER_MONTH, optionDUsd, SEED_004 } from "./seeds/seed-004-figures.ts";
import { SEED_OPTIONS, type SeedOption, type Span } from "./seeds/seed-004-comparison.ts";

type YearlyPart = keyof SeedOption["yearlyUsd"];

/** An option of document 004, for its 30 tenants with 50 devices each. */
export interface ComparedOption {
  readonly id: SeedOption["id"] | "Millwright";
  readonly name: string;
  /** As the document prints it. */
  readonly printed: {
    readonly monthlyUsd: Span;
    readonly monthlyUsdAtFirst: Span;
    readonly yearlyTcoUsd: Span;
    readonly weeks: number;
  } | null;
  readonly monthlyUsd: Range;
  readonly usdPerTenant: Range;
  /** Twelve months of infrastructure, and the document's other parts; null where no document says what people cost. */
  readonly yearlyUsd: (Readonly<Record<YearlyPart, Range>> & { readonly total: Range }) | null;
  readonly weeks: number | null;
  /** How the figures came about, and what is wrong with the option. */
  readonly notes: readonly string[];
}

/** Between the two ends that a document prints, and their middle. */
const spanned = ([low, high]: Span): Range => ({ low, expected: (low + high) / 2, high });

const WEEKS_OF_D = 24;

interface Recomputed {
  readonly monthlyUsd: Range;
  readonly weeks?: number;
  readonly notes: readonly string[];
}

const RECOMPUTED: Readonly<Record<SeedOption["id"], (option: SeedOption) => Recomputed>> = {
  A: ({ monthlyUsd }) => ({
    monthlyUsd: spanned(monthlyUsd),
    notes: ["As printed: the document gives nothing to compute it from."],
  }),
  B: ({ monthlyUsd }) => ({
    monthlyUsd: spanned(monthlyUsd),
    notes: [
      "As printed, with its functions: the document gives nothing to compute it from. Its first table, 2,170 to 3,450, is without them.",
      "Alerts take 60 s or more without the functions.",
    ],
  }),
  C: ({ monthlyUsd, monthlyUsdAtFirst }) => ({
    monthlyUsd: { low: monthlyUsd[0], expected: monthlyUsd[0], high: monthlyUsdAtFirst[1] },
    notes: [
      "As printed in two places, which differ; nothing gives either.",
      `The document's own function gives ${Math.round(appendixA().siteWise).toLocaleString("en-US")} for SiteWise alone, at each device's ` +
        "five values a second.",
    ],
  }),
  D: () => ({
    monthlyUsd: {
      low: optionDUsd(MESSAGES_PER_MONTH.low),
      expected: optionDUsd(MESSAGES_PER_MONTH.expected),
      high: optionDUsd(MESSAGES_PER_MONTH.high),
    },
    weeks: WEEKS_OF_D,
    notes: [
      "Computed from the document's own prices, its slips mended: at the rows of one deployment (78 million a month), at the messages " +
        "that it prices (2,600 million), and at one a second from each device (3,888 million).",
      "Its table prints 3,965; its rows add up to 4,286. Memory for the required 90 days instead of 30 is 1,617 more.",
      "Timestream for LiveAnalytics takes no new customers since 2025-06-20: it cannot be begun any more.",
    ],
  }),
};

/** @param own - lines of this platform for as many tenants and devices, USD a month; left out where prices are missing */
export function compareOptions(own: Range | undefined): ComparedOption[] {
  const seeds = SEED_OPTIONS.map((option): ComparedOption => {
    const { monthlyUsd, weeks = option.weeks, notes } = RECOMPUTED[option.id](option);
    const parts = {
      infrastructure: mapRange(monthlyUsd, (usd) => usd * 12),
      labour: spanned(option.yearlyUsd.labour),
      training: spanned(option.yearlyUsd.training),
      tools: spanned(option.yearlyUsd.tools),
    };
    return {
      id: option.id,
      name: option.name,
      printed: {
        monthlyUsd: option.monthlyUsd,
        monthlyUsdAtFirst: option.monthlyUsdAtFirst,
        yearlyTcoUsd: option.comparedTcoUsd,
        weeks: option.weeks,
      },
      monthlyUsd,
      usdPerTenant: mapRange(monthlyUsd, (usd) => usd / SEED_004.tenants),
      yearlyUsd: { ...parts, total: addRanges(Object.values(parts)) },
      weeks,
      notes,
    };
  });
  if (own === undefined) return seeds;
  const ours: ComparedOption = {
    id: "Millwright",
    name: "this platform on AWS",
    printed: null,
    monthlyUsd: own,
    usdPerTenant: mapRange(own, (usd) => usd / SEED_004.tenants),
    yearlyUsd: null,
    weeks: null,
    notes: [
      "Computed from the bills of materials of its stacks in production's size, at one reading a second from each of 1,500 devices.",
      "What people cost is not counted: see the projection's labour.",
    ],
  };
  return [...seeds, ours];
}

/** For how many the options are compared. */
export const COMPARED_SCALE = {
  tenants: SEED_004.tenants,
  machinesPerTenant: SEED_004.devicesPerTenant,
} as const;
