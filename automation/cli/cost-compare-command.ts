import { Option, type Command } from "commander";
import { compareCosts, sumReport, type ReportSums } from "../../model/cost/cost-report.ts";
import { microUsd, usdOf } from "../../model/cost/money.ts";
import { monthNamed, type Month } from "../../model/cost/month.ts";
import { MillwrightError } from "../../model/errors.ts";
import { stackCosts } from "./answers.ts";
import { call, show, type CommandContext } from "./context.ts";
import { csvRows } from "./import/csv-rows.ts";
import { openContent, unreadable } from "./import/source.ts";
import { table } from "./output.ts";

interface CompareOptions {
  readonly month: string;
  readonly environment: string;
}

export function addCostCompareCommand(program: Command, context: CommandContext): void {
  const cost = program.commands.find((command) => command.name() === "cost") ?? program.command("cost");
  cost
    .command("compare <file>")
    .description("what a month was estimated at, beside what AWS's Cost and Usage Report says (docs/cost.md)")
    .requiredOption("--month <month>", "such as 2026-10")
    .addOption(
      new Option("--environment <name>", "tag of the stacks that are looked at").default("production"),
    )
    .action(async (file: string, { month: name, environment }: CompareOptions, command: Command) => {
      const month = monthNamed(name);
      if (month === undefined) throw new MillwrightError("request-invalid", `'${name}' is no month.`);
      const { matched, ...besides } = await readReport(file, { month, environment }, context.signal);
      const { cost: estimate } = await call(context, stackCosts, "/v1/cost", { query: { month: name } });
      const estimated = estimate.stacks.map(({ owner, component, usd }) => ({
        ...{ owner, component, amount: microUsd(usd) },
      }));
      const compared = compareCosts(estimated, matched);
      const total = (side: "estimateUsd" | "actualUsd") =>
        usdOf(compared.reduce((sum, one) => sum + microUsd(one[side]), 0));
      const totals = { estimateUsd: total("estimateUsd"), actualUsd: total("actualUsd") };
      show(context, command, { month: name, compared, ...totals, ...besides }, () =>
        [
          table(
            ["STACK", "COMPONENT", "ESTIMATE", "ACTUAL", "ERROR %"],
            [...compared, { owner: "TOTAL", component: "", ...totals, errorPercent: errorOf(totals) }].map(
              (one) => [
                ...[one.owner, one.component, one.estimateUsd.toFixed(2), one.actualUsd.toFixed(2)],
                one.errorPercent?.toFixed(1) ?? null,
              ],
            ),
          ),
          `not matched: ${besides.unmatchedUsd.toFixed(2)} USD; taxes, support, fees, refunds: ` +
            `${besides.besidesUseUsd.toFixed(2)} USD`,
        ].join("\n"),
      );
    });
}

function errorOf({ estimateUsd, actualUsd }: { readonly estimateUsd: number; readonly actualUsd: number }) {
  return actualUsd === 0 ? null : ((estimateUsd - actualUsd) / actualUsd) * 100;
}

/** Row by row, however long the file is. @throws MillwrightError `cost-report-invalid`, `import-file-unreadable` */
async function readReport(
  file: string,
  asked: { readonly month: Month; readonly environment: string },
  signal: AbortSignal,
): Promise<ReportSums> {
  const content = await openContent(file, signal);
  let report: ReturnType<typeof sumReport> | undefined;
  for await (const { cells, line } of csvRows(file, content, { delimiter: ",", decimal: "." })) {
    if (report === undefined) report = sumReport(cells, asked);
    else report.add(cells, line);
  }
  if (report === undefined) throw unreadable(file, undefined, "it is empty");
  return report.sums();
}
