import { Option, type Command } from "commander";
import { USAGE_PERIODS } from "../../model/usage.ts";
import { usageList } from "./answers.ts";
import { call, show, type CommandContext } from "./context.ts";
import { figure, table } from "./output.ts";

interface UsageOptions {
  readonly from?: string;
  readonly to?: string;
  readonly per: string;
}

export function addUsageCommand(program: Command, context: CommandContext): void {
  program
    .command("usage <tenant>")
    .description("what a tenant used: rows and bytes in, queries, storage, alerts that were too slow")
    .option("--from <time>", "such as 2026-11-21T10:00:00Z (default: 24 hours before the end)")
    .option("--to <time>", "default: now")
    .addOption(new Option("--per <period>").choices(USAGE_PERIODS).default("hour"))
    .action(async (tenant: string, { from, to, per }: UsageOptions, command: Command) => {
      const answer = await call(context, usageList, "/v1/usage", { query: { tenant, from, to, per } });
      show(context, command, answer, () =>
        table(
          ["FROM", "ROWS", "BYTES", "QUERIES", "MS", "DIRECT", "VIOLATIONS", "STORED BYTES"],
          answer.usage.map((one) => [
            one.from,
            ...[one.rowCount, one.byteCount, one.queryCount, one.queryMs].map(figure),
            ...[one.directQueryCount, one.violationCount, one.storageBytes].map((count) =>
              count == null ? count : figure(count),
            ),
          ]),
        ),
      );
    });
}
