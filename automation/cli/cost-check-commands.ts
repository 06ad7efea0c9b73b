import { Option, type Command } from "commander";
import { compareCosts, type CostComparison, type MatchedCost } from "../../model/cost/cost-comparison.ts";
import type { ReportSums } from "../../model/cost/cost-report.ts";
import { microUsd, usdOf } from "../../model/cost/money.ts";
import { monthNamed } from "../../model/cost/month.ts";
import { MillwrightError } from "../../model/errors.ts";
import { costComparison, costVerification, stackCosts } from "./answers.ts";
import { call, show, type CommandContext } from "./context.ts";
import { readReport } from "./cost-report/read-report.ts";
import { facts, table } from "./output.ts";

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
    .action(async (files: readonly string[], { month: name, environment, keep }: CompareOptions, command: Command) => {
      const month = monthNamed(name);
      if (month === undefined) throw new MillwrightError("request-invalid", `'${name}' is no month.`);
      const sums = await readReport(files, { month, environment }, context.signal);
      const comparison =
        keep === true ? await kept(context, name, sums) : await compared(context, name, sums.matched);
      const { unmatchedUsd, besidesUseUsd } = sums;
      show(context, command, { month: name, ...comparison, unmatchedUsd, besidesUseUsd }, () =>
        [
          table(
            ["STACK", "COMPONENT", "ESTIMATE", "ACTUAL", "ERROR %"],
            [...comparison.lines, { owner: "TOTAL", component: "", ...comparison.total }].map((one) => [
              ...[one.owner, one.component, one.estimateUsd.toFixed(2), one.actualUsd.toFixed(2)],
              one.errorPercent?.toFixed(1) ?? null,
            ]),
          ),
          `not matched: ${unmatchedUsd.toFixed(2)} USD; taxes, support, fees, refunds: ${besidesUseUsd.toFixed(2)} USD`,
        ].join("\n"),
      );
    });

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

async function compared(
  context: CommandContext,
  month: string,
  actual: readonly MatchedCost[],
): Promise<CostComparison> {
  const { cost } = await call(context, stackCosts, "/v1/cost", { query: { month } });
  const estimate = cost.stacks.map(({ owner, component, usd }) => ({
    ...{ owner, component, amount: microUsd(usd) },
  }));
  return compareCosts(estimate, actual);
}

async function kept(context: CommandContext, month: string, { matched, ...besides }: ReportSums) {
  const byOwner = Map.groupBy(matched, ({ owner }) => owner);
  const usdByStack = [...byOwner].map(([owner, of]) => [
    owner,
    Object.fromEntries(of.map(({ component, amount }) => [component, usdOf(amount)])),
  ]);
  const answer = await call(context, costComparison, `/v1/cost/actual/${month}`, {
    method: "PUT",
    body: { usdByStack: Object.fromEntries(usdByStack) as object, ...besides },
    isRepeatable: true,
  });
  return answer.comparison;
}
