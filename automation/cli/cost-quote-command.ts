import { InvalidArgumentError, Option, type Command } from "commander";
import { ENTRANCES, type Entrance } from "../../model/cost/entrance.ts";
import { TIERS, type Tier } from "../../model/tenant.ts";
import { quoteAnswer, type QuoteAnswer } from "./answers.ts";
import { call, show, type CommandContext } from "./context.ts";
import { facts, figure, table } from "./output.ts";

interface QuoteOptions {
  readonly tier: Tier;
  readonly machines: number;
  readonly price?: number;
  readonly region?: string;
  readonly entrance?: Entrance;
}

export function addCostQuoteCommand(program: Command, context: CommandContext): void {
  const cost = program.commands.find((command) => command.name() === "cost") ?? program.command("cost");
  cost
    .command("quote")
    .description("what a tenant would cost a month, at list prices (docs/cost.md)")
    .addOption(new Option("--tier <tier>").choices(TIERS).default("shared"))
    .requiredOption("--machines <count>", "that it watches", number)
    .option("--price <usd>", "asked of it a month: says what is left", number)
    .addOption(new Option("--entrance <way>", "by which readings come in").choices(ENTRANCES))
    .option("--region <region>", "another than the platform's own")
    .action(async ({ price, ...asked }: QuoteOptions, command: Command) => {
      const body = { ...asked, ...(price === undefined ? {} : { priceUsdPerMonth: price }) };
      const request = { method: "POST" as const, body, isRepeatable: true };
      const answer = await call(context, quoteAnswer, "/v1/cost/quote", request);
      show(context, command, answer, () => quoteText(answer.quote));
    });
}

function quoteText(quote: QuoteAnswer["quote"]): string {
  const { margin, dedicatedNecessaryFrom: necessary, dedicatedCheaperFromMachines: cheaper } = quote;
  const usd = (range: { readonly low: number; readonly expected: number; readonly high: number }) => [
    cents(range.expected),
    `${cents(range.low)} to ${cents(range.high)}`,
  ];
  const shares = quote.shares
    .filter(({ usdPerMonth }) => usdPerMonth.expected > 0)
    .map((one) => [`its part of what all share: ${one.component}`, ...usd(one.usdPerMonth)]);
  const rows = [
    ["what it adds", ...usd(quote.marginalUsdPerMonth)],
    ...shares,
    ["TOTAL", ...usd(quote.totalUsdPerMonth)],
  ];
  const growth = quote.growth.filter(({ month }) => SHOWN_MONTHS.has(month));
  const sides = facts([
    [
      "in its first year",
      `${growth.map(({ month, usdPerMonth }) => `${cents(usdPerMonth)} in month ${month}`).join(", ")} USD, as history fills up`,
    ],
    ["in the shared database", `${cents(quote.byTier.shared.expected)} USD`],
    ["with one of its own", `${cents(quote.byTier.dedicated.expected)} USD`],
    ["which is cheaper from", cheaper === null ? "never" : `${figure(cheaper)} machines`],
    [
      "and needed from",
      necessary === null ? "never" : `${figure(necessary.machines)} machines (${necessary.because})`,
    ],
    ...TIERS.flatMap((tier) => {
      const shortfall = quote.shortfalls[tier];
      return shortfall === null ? [] : [[`no room: ${tier}`, shortfall] as const];
    }),
    ["prices", `${quote.region}, ${quote.priceBook}`],
    ...(margin === null
      ? []
      : [
          [
            "left of the price",
            `${cents(margin.usdPerMonth)} USD, ${figure(Math.round(1_000 * margin.part) / 10)} %`,
          ] as const,
        ]),
  ]);
  return [table(["USD A MONTH", "EXPECTED", "BETWEEN"], rows), sides, quote.gaps.join("\n")].join("\n\n");
}

/** Of the first year. */
const SHOWN_MONTHS: ReadonlySet<number> = new Set([1, 3, 6, 12]);

function cents(usd: number): string {
  return usd.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
}

function number(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0))
    throw new InvalidArgumentError("It must be a number, not negative.");
  return value;
}
