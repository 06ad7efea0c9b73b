import { Option, type Command } from "commander";
import type * as z from "zod";
import type { ReportSums } from "../../model/cost/cost-report.ts";
import { usdOf } from "../../model/cost/money.ts";
import { monthNamed } from "../../model/cost/month.ts";
import { MillwrightError } from "../../model/errors.ts";
import { costComparison, costVerification } from "./answers.ts";
import { call, show, type CommandContext } from "./context.ts";
import { readReport } from "./cost-report/read-report.ts";
import { facts, table } from "./output.ts";

type Comparison = z.infer<typeof costComparison>["comparison"];

interface CompareOptions {
  readonly month: string;
  readonly environment: string;
  readonly keep?: boolean;
}

export function addCostCheckCommands(program: Command, context: CommandContext): void {
  const cost = program.commands.find((command) => command.name() === "cost") ?? program.command("cost");
  cost
    .command("compare <files...>")
    .description("what a month was estimated at, beside what AWS's Cost and Usage Report says (docs/cost.md)")
    .requiredOption("--month <month>", "such as 2026-10")
    .addOption(
      new Option("--environment <name>", "tag of the stacks that are looked at").default("production"),
    )
    .option("--keep", "for everybody to see, beside the estimate of the month")
    .action(
      async (
        files: readonly string[],
        { month: name, environment, keep }: CompareOptions,
        command: Command,
      ) => {
        const month = monthNamed(name);
        if (month === undefined) throw new MillwrightError("request-invalid", `'${name}' is no month.`);
        const { matched, ...besides } = await readReport(files, { month, environment }, context.signal);
        const lines = matched.map(({ amount, ...charged }) => ({ ...charged, usd: usdOf(amount) }));
        const answer = await call(context, costComparison, `/v1/cost/actual/${name}`, {
          ...{ method: "PUT", query: { dryRun: String(keep !== true) }, isRepeatable: true },
          body: { lines, ...besides },
        });
        show(context, command, { month: name, ...answer.comparison }, () =>
          comparisonText(answer.comparison, besides),
        );
      },
    );

  cost
    .command("verify")
    .description("whether a closed month's bills are still what they were closed as")
    .requiredOption("--month <month>", "such as 2026-10")
    .action(async (query: { readonly month: string }, command: Command) => {
      const answer = await call(context, costVerification, "/v1/cost/verification", { query });
      if (!answer.isIntact) context.failed();
      show(context, command, answer, () =>
        facts([
          [answer.month, answer.isIntact ? "is as it was closed" : "is NOT as it was closed"],
          ["at the close", answer.kept],
          ["made again", answer.recomputed],
          ["as they lie there", answer.stored],
        ]),
      );
    });
}

/** Lines that a person reads; `--json` has all. */
const MOST_LINES = 40;

function comparisonText(
  { lines, total }: Comparison,
  { unmatchedUsd, besidesUseUsd }: Omit<ReportSums, "matched">,
): string {
  const shown = [...lines.slice(0, MOST_LINES), { owner: "TOTAL", component: "", price: "", ...total }];
  return [
    table(
      ["STACK", "COMPONENT", "PRICE", "ESTIMATE", "ACTUAL", "ERROR %"],
      shown.map((one) => [
        ...[one.owner, one.component, one.price, one.estimateUsd.toFixed(2), one.actualUsd.toFixed(2)],
        one.errorPercent?.toFixed(1) ?? null,
      ]),
    ),
    ...(lines.length > MOST_LINES
      ? [`the largest ${MOST_LINES} of ${lines.length} lines: --json has all`]
      : []),
    `not matched: ${unmatchedUsd.toFixed(2)} USD; taxes, support, fees, refunds: ${besidesUseUsd.toFixed(2)} USD`,
  ].join("\n");
}
