import { Option, type Command } from "commander";
import { bytesText, durationText } from "../../model/quantity-text.ts";
import { TIERS } from "../../model/tenant.ts";
import { movePlanAnswer, type MovePlanAnswer } from "./answers.ts";
import { call, segment, show, type CommandContext } from "./context.ts";
import { facts, figure, table } from "./output.ts";

interface PlanOptions {
  readonly to: string;
  readonly cell?: string;
  readonly newServer?: boolean;
}

export function addMovePlanCommand(program: Command, context: CommandContext): void {
  program
    .command("move")
    .description("what moves of tenants between databases take")
    .command("plan <tenant>")
    .description("how long a move would take and what stands against it; changes nothing")
    .addOption(new Option("--to <tier>").choices(TIERS).makeOptionMandatory())
    .option("--cell <name>", "a shared cell (default: the one with the most room)")
    .option("--new-server", "another database of its own, for a tenant that has one")
    .action(async (tenant: string, { to, cell, newServer }: PlanOptions, command: Command) => {
      const query = { tier: to, cell, ...(newServer === true ? { newServer: "true" } : {}) };
      const answer = await call(context, movePlanAnswer, `/v1/tenants/${segment(tenant)}/move-plan`, {
        query,
      });
      show(context, command, answer, () => planText(answer.plan));
      if (answer.plan.refusals.length > 0) context.failed();
    });
}

type Plan = MovePlanAnswer["plan"];

function planText(plan: Plan): string {
  const { tenant, from, to, estimate, cost, refusals } = plan;
  const place = to.cell ?? (to.tier === "dedicated" ? "a database of its own" : undefined);
  const known = facts([
    ["tenant", tenant],
    ["from", from && `${from.cell} (${from.tier})`],
    ["to", place && `${place} (${to.tier})`],
    ...(estimate === null ? [] : estimateFacts(estimate)),
    [
      "cost",
      cost && `${figure(cost.beforeUsdPerMonth)} -> ${figure(cost.afterUsdPerMonth)} USD/month at list price`,
    ],
  ]);
  if (refusals.length === 0) return `${known}\nNothing stands against it.`;
  const reasons = table(
    ["REFUSED", "WHY, AND WHAT TO DO"],
    refusals.map(({ code, message }) => [code, message]),
  );
  return `${known}\n\n${reasons}`;
}

const RATE_SOURCES: Readonly<Record<string, string>> = {
  "last-move": "as the last large move",
  sample: "by a short sample",
};

function estimateFacts(estimate: NonNullable<Plan["estimate"]>): readonly (readonly [string, string])[] {
  const { rows, bytes, buildMs, copyMs, proveMs, totalMs, pause, disk } = estimate;
  const times = [
    `build ${durationText(buildMs)}`,
    `copy ${durationText(copyMs)}`,
    `prove ${durationText(proveMs)}`,
  ];
  const rate = `${figure(estimate.copyRowsPerSecond)} rows/s, ${RATE_SOURCES[estimate.copyRateFrom] ?? "assumed"}`;
  const free = disk.freeBytes === null ? "" : `, free ${bytesText(disk.freeBytes)}`;
  return [
    ["rows", `about ${figure(rows)}, ${bytesText(bytes)}`],
    ["takes", `about ${durationText(totalMs)} (${times.join(", ")})`],
    ["copies", rate],
    ["disk", `needs ${bytesText(disk.neededBytes)}${free}`],
    ["pause", `of writes about ${durationText(pause.expectedMs)}, at most ${durationText(pause.limitMs)}`],
  ];
}
