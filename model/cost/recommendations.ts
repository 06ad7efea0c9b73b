import type { TriggerReason } from "../trigger.ts";
import { lineOf, totalOf, type CostLine } from "./cost-line.ts";
import { usdOf } from "./money.ts";
import { chargeOf, findPrice, type Price, type PriceBook } from "./price-book.ts";
import { exactly, mapRange, type Range } from "./range.ts";
import { VOLUME_STEP_GB } from "./sizing.ts";

/** What is known of a database, from the usage of the last 30 days. */
export interface CellLoad {
  readonly cell: string;
  readonly tier: "shared" | "dedicated";
  readonly tenantCount: number;
  /** Connections that queries kept busy, in the hour in which they were most. */
  readonly peakBusyConnections: number;
  readonly storedGb: number;
  /** Hours of the time that were measured. */
  readonly measuredHours: number;
  /** Each of its servers: one, or a primary and a replica. */
  readonly servers: number;
  readonly instanceType: string;
  readonly vcpuCount: number;
  readonly dataVolumeGb: number;
  /** USD a month of all that is the cell's. */
  readonly usdPerMonth: Range;
}

export interface RecommendationFacts {
  readonly book: PriceBook;
  readonly cells: readonly CellLoad[];
  /** Dedicated tenants whose use keeps all limits of the way back, with the values. */
  readonly idleDedicated: readonly { readonly tenant: string; readonly reasons: readonly TriggerReason[] }[];
  /** USD a month of a tenant's own stack, by tier. */
  readonly tenantUsd: Readonly<Record<"shared" | "dedicated", Range>>;
  /** What stands all month, whoever uses it. */
  readonly standing: readonly CostLine[];
  readonly logs: { readonly gbPerMonth: Range; readonly retentionDays: number };
}

export type RecommendationKind =
  | "dedicated-tenant-idle"
  | "cell-empty"
  | "servers-oversized"
  | "volume-oversized"
  | "log-retention-long"
  | "graviton"
  | "commitment";

export interface Recommendation {
  readonly kind: RecommendationKind;
  /** The tenant, the cell or the price that it is about. */
  readonly subject: string;
  readonly action: string;
  /** USD a month; null: a price is missing, and none is guessed. */
  readonly savingUsd: Range | null;
  readonly missingPrices: readonly string[];
  readonly evidence: readonly {
    readonly name: string;
    readonly value: number;
    readonly limit: number | null;
  }[];
}

/** Under a fifth of the processors the next smaller size would be under two fifths: room for a peak within the hour. */
const OVERSIZED_LOAD = 0.2;
/** A volume that is filled to less is paid for air; half of the smaller one stays free. */
const OVERSIZED_FILL = 0.25;
const FREE_PART = 0.5;
/** Two weeks: less is no month's habit. */
const LEAST_HOURS = 336;
/** What is looked up in logs is of the last weeks; the audit has its own table. */
const LOG_DAYS = 30;

/** All that would cost less, the largest saving first, what has no price last. */
export function recommend(facts: RecommendationFacts): Recommendation[] {
  const found = [
    ...idleTenants(facts),
    ...facts.cells.flatMap((cell) => aboutCell(facts, cell)),
    ...longLogs(facts),
    ...graviton(facts),
    ...commitments(facts),
  ];
  const useful = found.filter(({ savingUsd }) => savingUsd === null || savingUsd.expected > 0);
  return useful.toSorted((a, b) => (b.savingUsd?.expected ?? -1) - (a.savingUsd?.expected ?? -1));
}

function idleTenants({ idleDedicated, tenantUsd }: RecommendationFacts): Recommendation[] {
  const { shared, dedicated } = tenantUsd;
  return idleDedicated.map(({ tenant, reasons }) => ({
    kind: "dedicated-tenant-idle",
    subject: tenant,
    action: "Move it to a shared database: its use keeps all limits of the way back.",
    savingUsd: {
      low: dedicated.low - shared.high,
      expected: dedicated.expected - shared.expected,
      high: dedicated.high - shared.low,
    },
    missingPrices: [],
    evidence: reasons.map(({ metric, value, limit }) => ({ name: metric, value, limit })),
  }));
}

function aboutCell(facts: RecommendationFacts, cell: CellLoad): Recommendation[] {
  const { book } = facts;
  if (cell.tenantCount === 0) {
    // The last shared one is where the next tenant goes.
    const isLast = cell.tier === "shared" && facts.cells.filter(({ tier }) => tier === "shared").length === 1;
    if (isLast) return [];
    return [
      {
        kind: "cell-empty",
        subject: cell.cell,
        action: "Take it down: no tenant lives in it.",
        savingUsd: cell.usdPerMonth,
        missingPrices: [],
        evidence: [{ name: "tenants", value: 0, limit: null }],
      },
    ];
  }
  if (cell.measuredHours < LEAST_HOURS) return [];
  return [...oversizedServers(book, cell), ...oversizedVolume(book, cell)];
}

function oversizedServers(book: PriceBook, cell: CellLoad): Recommendation[] {
  const { instanceType, peakBusyConnections, vcpuCount, servers, tier } = cell;
  const load = peakBusyConnections / vcpuCount;
  const smaller = nextSmaller(instanceType);
  if (load >= OVERSIZED_LOAD || smaller === undefined) return [];
  return [
    {
      kind: "servers-oversized",
      subject: cell.cell,
      action: `${smaller} instead of ${instanceType}, for ${servers === 1 ? "its server" : `each of ${servers} servers`} of this ${tier} cell.`,
      ...difference(book, `ec2/instance/${instanceType}`, `ec2/instance/${smaller}`, servers * 730),
      evidence: [
        {
          name: "busy connections at the peak",
          value: peakBusyConnections,
          limit: vcpuCount * OVERSIZED_LOAD,
        },
        { name: "vCPUs", value: vcpuCount, limit: null },
        { name: "hours measured", value: cell.measuredHours, limit: null },
      ],
    },
  ];
}

function oversizedVolume(book: PriceBook, cell: CellLoad): Recommendation[] {
  const { dataVolumeGb, storedGb, servers } = cell;
  if (storedGb >= dataVolumeGb * OVERSIZED_FILL) return [];
  const enough = Math.max(1, Math.ceil(storedGb / FREE_PART / VOLUME_STEP_GB)) * VOLUME_STEP_GB;
  if (enough >= dataVolumeGb) return [];
  const freedGb = (dataVolumeGb - enough) * servers;
  return [
    {
      kind: "volume-oversized",
      subject: cell.cell,
      action:
        `${enough} GB instead of ${dataVolumeGb} for the data of each server. A volume grows in place and does not shrink: ` +
        "the cell is built anew and its tenants moved.",
      ...savingBy(book, ["ebs/gp3-storage"], (price) => exactly(usdOf(chargeOf(price, freedGb)))),
      evidence: [
        { name: "GB stored", value: storedGb, limit: dataVolumeGb * OVERSIZED_FILL },
        { name: "hours measured", value: cell.measuredHours, limit: null },
      ],
    },
  ];
}

function longLogs({ book, logs }: RecommendationFacts): Recommendation[] {
  const { gbPerMonth, retentionDays } = logs;
  if (retentionDays <= LOG_DAYS) return [];
  const months = (retentionDays - LOG_DAYS) / 30;
  return [
    {
      kind: "log-retention-long",
      subject: "logs of functions",
      action: `Keep them ${LOG_DAYS} days instead of ${retentionDays}: aws.functions.logRetentionDays.`,
      ...savingBy(book, ["cloudwatch/log-storage"], (price) =>
        mapRange(gbPerMonth, (gb) => usdOf(chargeOf(price, gb * months))),
      ),
      evidence: [
        { name: "retention in days", value: retentionDays, limit: LOG_DAYS },
        { name: "GB of logs a month", value: gbPerMonth.expected, limit: null },
      ],
    },
  ];
}

/** What runs on x86, and the same on Arm: by the price list's names. */
const ARM_OF: readonly (readonly [x86: RegExp, arm: string])[] = [
  [/^(msk\/broker\/kafka\.)m5\.(.+)$/, "$1m7g.$2"],
  [/^(ec2\/instance\/)(m|r|c)(5|6i|7i)\.(.+)$/, "$1$27g.$4"],
  [/^(ec2\/instance\/)t3\.(.+)$/, "$1t4g.$2"],
  [/^(rds\/postgresql\/db\.)(m|r)(5|6i|7i)\.(.+)$/, "$1$26g.$4"],
  [/^(rds\/postgresql\/db\.)t3\.(.+)$/, "$1t4g.$2"],
  [/^(fargate\/(?:vcpu|memory)\/|lambda\/(?:duration|provisioned)\/)x86-64$/, "$1arm64"],
];

function graviton({ book, standing }: RecommendationFacts): Recommendation[] {
  return standing.flatMap((line) => {
    const pair = ARM_OF.find(([x86]) => x86.test(line.price));
    if (pair === undefined) return [];
    const arm = line.price.replace(pair[0], pair[1]);
    return [
      {
        kind: "graviton" as const,
        subject: line.of,
        action: `${arm} instead of ${line.price}.`,
        ...difference(book, line.price, arm, line.quantity.expected),
        evidence: [{ name: `${line.unit}s a month`, value: line.quantity.expected, limit: null }],
      },
    ];
  });
}

/** Families that a Savings Plan or reserved instances discount. */
const COMMITTED = ["ec2/instance/", "rds/postgresql/", "fargate/", "msk/broker/"] as const;

function commitments({ book, standing }: RecommendationFacts): Recommendation[] {
  return COMMITTED.flatMap((family) => {
    const lines = standing.filter(({ price }) => price.startsWith(family));
    if (lines.length === 0) return [];
    const onDemand = mapRange(totalOf(lines), usdOf);
    const committed = lines.map((line) => ({ ...line, price: `commitment/one-year/${line.price}` }));
    const keys = [...new Set(committed.map(({ price }) => price))];
    const saving = savingBy(book, keys, () => {
      const after = mapRange(totalOf(committed.map((line) => lineOf(book, line.of, line))), usdOf);
      return subtract(onDemand, after);
    });
    return [
      {
        kind: "commitment" as const,
        subject: family.replace(/\/$/, ""),
        action:
          "Commit to it for a year: it runs all month, every month." +
          (saving.savingUsd === null
            ? " What that saves is not known: the price book has no price of it."
            : ""),
        ...saving,
        evidence: [{ name: "USD a month on demand", value: onDemand.expected, limit: null }],
      },
    ];
  });
}

const SIZES = ["medium", "large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge"];

/** Half the size; undefined where there is none that a server of TimescaleDB can run on. */
function nextSmaller(instanceType: string): string | undefined {
  const [family = "", size = ""] = instanceType.split(".");
  const smaller = SIZES[SIZES.indexOf(size) - 1];
  return smaller === undefined || smaller === "medium" ? undefined : `${family}.${smaller}`;
}

type Saving = Pick<Recommendation, "savingUsd" | "missingPrices">;

/** What the prices, in the order of their keys, make of it; nothing where one is missing. */
function savingBy(book: PriceBook, keys: readonly string[], compute: (...prices: Price[]) => Range): Saving {
  const prices = keys.flatMap((key) => findPrice(book, key) ?? []);
  const missingPrices = keys.filter((key) => findPrice(book, key) === undefined);
  return { savingUsd: missingPrices.length > 0 ? null : compute(...prices), missingPrices };
}

function difference(book: PriceBook, from: string, to: string, quantity: number): Saving {
  return savingBy(book, [from, to], (...prices) => {
    const [before = 0, after = 0] = prices.map((price) => chargeOf(price, quantity));
    return exactly(usdOf(before - after));
  });
}

/** The least that is saved is the difference where least is paid: both ends are of the same use. */
function subtract(before: Range, after: Range): Range {
  return {
    low: before.low - after.low,
    expected: before.expected - after.expected,
    high: before.high - after.high,
  };
}
