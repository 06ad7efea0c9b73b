import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { Option, type Command } from "commander";
import { platformBill, tenantBill, type PlatformBill, type TenantBill } from "./answers.ts";
import { openResponse } from "./api-client.ts";
import { call, show, type CommandContext } from "./context.ts";
import { facts, figure, table } from "./output.ts";

interface BillOptions {
  readonly tenant?: string;
  readonly month?: string;
}

export function addCostBillCommands(program: Command, context: CommandContext): void {
  const cost = program.commands.find((command) => command.name() === "cost") ?? program.command("cost");
  cost
    .command("bill")
    .description("what a month came to, closed or so far: all tenants, or one of them line by line")
    .option("--tenant <id>")
    .option("--month <month>", "such as 2026-10; the running one when left out")
    .action(async ({ tenant, month }: BillOptions, command: Command) => {
      const query = { tenant, month };
      if (tenant === undefined) {
        const answer = await call(context, platformBill, "/v1/cost", { query });
        show(context, command, answer, () => platformText(answer.cost));
      } else {
        const answer = await call(context, tenantBill, "/v1/cost", { query });
        show(context, command, answer, () => tenantText(answer.cost));
      }
    });

  cost
    .command("export")
    .description("all lines of a month's bills, for a spreadsheet or a FinOps tool")
    .requiredOption("--month <month>", "such as 2026-10")
    .option("--tenant <id>", "of one tenant only")
    .addOption(new Option("--format <format>", "focus: FOCUS 1.2").choices(["csv", "focus"]).default("csv"))
    .requiredOption("--out <file>", "where to")
    .action(async ({ out, ...query }: BillOptions & { format: string; out: string }, command: Command) => {
      const { signal } = context;
      const { body } = await openResponse(await context.connect(), "/v1/cost/export", {
        query: { ...query },
        signal,
      });
      await pipeline(body ?? [], createWriteStream(out), { signal });
      show(context, command, { file: out }, () => out);
    });
}

function platformText(bill: PlatformBill["cost"]): string {
  const rows = [
    ...bill.tenants.map(({ tenant, totalUsd }) => [tenant, cents(totalUsd)]),
    ["what no tenant pays", cents(bill.unattributedUsd)],
    ["TOTAL", cents(bill.totalUsd)],
  ];
  return `${table(["TENANT", "USD"], rows)}\n\n${monthFacts(bill)}`;
}

function tenantText(bill: TenantBill["cost"]): string {
  const rows = bill.lines.map(({ component, kind, of, quantity, unit, usd }) => [
    ...[component, kind, of, `${figure(quantity)} ${unit}`, cents(usd)],
  ]);
  const total = ["TOTAL", "", "", "", cents(bill.totalUsd)];
  return `${table(["COMPONENT", "KIND", "OF", "QUANTITY", "USD"], [...rows, total])}\n\n${monthFacts(bill)}`;
}

function monthFacts({
  month,
  to,
  closedAt,
  budgetUsdPerMonth,
  forecast,
}: PlatformBill["cost"] | TenantBill["cost"]): string {
  return facts([
    ["month", month],
    ["counted up to", to],
    ["closed", closedAt ?? "not yet"],
    ["budget", budgetUsdPerMonth === null ? "none" : `${cents(budgetUsdPerMonth)} USD`],
    ...(forecast === null
      ? []
      : [
          [
            "foreseen at the end",
            `${cents(forecast.expectedUsd)} USD (${cents(forecast.lowUsd)} to ${cents(forecast.highUsd)})`,
          ] as const,
        ]),
  ]);
}

function cents(usd: number): string {
  return usd.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
}
