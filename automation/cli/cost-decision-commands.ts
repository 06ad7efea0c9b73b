import { Option, type Command } from "commander";
import { writeFile } from "node:fs/promises";
import { costOptions, costProjection, costRecommendations } from "./answers.ts";
import { openResponse } from "./api-client.ts";
import { call, show, type CommandContext } from "./context.ts";
import { figure, table } from "./output.ts";

/** Options that become the query as they are; the service checks them. */
const ASSUMPTIONS = [
  ["--machines-per-tenant <n>", "machinesPerTenant"],
  ["--tenants-per-cell <n>", "tenantsPerCell"],
  ["--dedicated-tenants <n>", "dedicatedTenants"],
  ["--isolated-apis <n>", "isolatedApis"],
  ["--topic <own|shared>", "topic"],
  ["--budget <usd>", "budgetUsdPerMonth"],
  ["--price <usd>", "priceUsdPerTenant"],
  ["--investment <usd>", "investmentUsd"],
  ["--labour <usd>", "labourUsdPerMonth"],
  ["--first-tenants <n>", "firstTenants"],
  ["--tenants-per-month <n>", "tenantsPerMonth"],
  ["--horizon <months>", "horizonMonths"],
] as const;

const NO_PRICE = "no price";

export function addCostDecisionCommands(program: Command, context: CommandContext): void {
  const cost = program.commands.find((command) => command.name() === "cost") ?? program.command("cost");

  const projection = cost
    .command("projection")
    .description("what the platform costs with 3, 10, 50 … tenants; break-even and return")
    .option("--tenants <list>", "such as 3,10,50")
    .option("--region <region>", "another one than the platform's own");
  for (const [flags, name] of ASSUMPTIONS) projection.addOption(new Option(flags, `assumed: ${name}`));
  projection.action(async (options: Readonly<Record<string, string>>, command: Command) => {
    const { tenants, region } = options;
    const given = ASSUMPTIONS.map(([flags, name]) => [name, options[optionName(flags)]] as const);
    const query = { tenants, region, ...Object.fromEntries(given) };
    const answer = await call(context, costProjection, "/v1/cost/projection", { query });
    show(context, command, answer, () => {
      const points = answer.points.map((one) => [
        ...[one.tenants, one.totalUsd.expected, one.totalUsd.low, one.totalUsd.high].map(money),
        money(one.usdPerTenant.expected),
        money(one.resultUsd.expected),
        one.quotas
          .filter(({ isMet }) => !isMet)
          .map(({ what, needed }) => `${what} (${needed})`)
          .join(", "),
      ]);
      const assumed = Object.entries(answer.assumptions).map(([name, { value, from }]) => [
        name,
        value,
        from,
      ]);
      const { tenants: breakEven, paidBackInMonth } = answer.breakEven;
      return [
        table(["TENANTS", "USD", "LOW", "HIGH", "OF A TENANT", "RESULT", "QUOTAS TO RAISE"], points),
        "",
        `break-even at ${breakEven ?? "no number of"} tenants; the investment is back in ${paidBackInMonth === null ? "no month of the horizon" : `month ${paidBackInMonth}`}`,
        "",
        table(["ASSUMED", "VALUE", "FROM"], assumed),
      ].join("\n");
    });
  });

  cost
    .command("options")
    .description("the documents' options, decisions and sums, computed again")
    .option("--region <region>", "another one than the platform's own")
    .action(async ({ region }: { readonly region?: string }, command: Command) => {
      const answer = await call(context, costOptions, "/v1/cost/options", { query: { region } });
      show(context, command, answer, () =>
        [
          table(
            ["OPTION", "NAME", "USD", "LOW", "HIGH", "OF A TENANT"],
            answer.options.map(({ id, name, monthlyUsd, usdPerTenant }) => [
              ...[id, name],
              ...[monthlyUsd.expected, monthlyUsd.low, monthlyUsd.high, usdPerTenant.expected].map(money),
            ]),
          ),
          "",
          table(
            ["COMPONENT", "DECIDED", "LIST PRICE"],
            answer.components.map(({ component, decided, listUsd }) => [
              ...[component, decided],
              listUsd === null ? "by use" : money(listUsd),
            ]),
          ),
          "",
          table(
            ["SUM", "VERDICT", "PRINTED", "COMPUTED", "WHY"],
            answer.statements
              .filter(({ verdict }) => verdict !== "holds")
              .map(({ id, verdict, printed, computed, reason }) => [
                ...[id, verdict, printed],
                ...[computed.map(money).join(" to "), reason],
              ]),
          ),
        ].join("\n"),
      );
    });

  cost
    .command("recommendations")
    .description("what would cost less, by the usage of the last 30 days")
    .action(async (_options: unknown, command: Command) => {
      const answer = await call(context, costRecommendations, "/v1/cost/recommendations");
      show(context, command, answer, () =>
        table(
          ["WHAT", "OF", "SAVES USD A MONTH", "DO"],
          answer.recommendations.map(({ kind, subject, savingUsd, action }) => [
            ...[kind, subject],
            savingUsd === null ? NO_PRICE : money(savingUsd.expected),
            action,
          ]),
        ),
      );
    });

  cost
    .command("report")
    .description("all of it as a page to print")
    .option("--out <file>", "where to", "cost-report.html")
    .action(async ({ out }: { readonly out: string }, command: Command) => {
      const response = await openResponse(await context.connect(), "/v1/cost/report", {
        signal: context.signal,
      });
      await writeFile(out, await response.text());
      show(context, command, { file: out }, () => out);
    });
}

/** As commander names an option's value. */
function optionName(flags: string): string {
  const long = flags.replace(/^--/, "").replace(/ .*$/, "");
  return long.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function money(usd: number): string {
  return figure(Math.round(usd * 100) / 100);
}
