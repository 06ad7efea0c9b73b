import { type Command } from "commander";
import { readFile } from "node:fs/promises";
import { MillwrightError } from "../../model/errors.ts";
import { decisionList, triggerReplay } from "./answers.ts";
import { call, show, type CommandContext } from "./context.ts";
import { figure, table } from "./output.ts";

interface ReplayOptions {
  readonly from: string;
  readonly to?: string;
  readonly config?: string;
}

interface Reason {
  readonly metric: string;
  readonly value: number;
  readonly limit: number;
}

export function addTriggerCommands(program: Command, context: CommandContext): void {
  const trigger = program
    .command("trigger")
    .alias("triggers")
    .description("what moves tenants between the shared and a dedicated database");

  trigger
    .command("replay")
    .description("what a set of triggers would have done over stored usage; changes nothing")
    .requiredOption("--from <time>", "such as 2026-10-21T00:00:00Z")
    .option("--to <time>", "default: now")
    .option("--config <file>", "triggers as JSON, in the form of GET /v1/triggers (default: those in force)")
    .action(async ({ from, to, config }: ReplayOptions, command: Command) => {
      const body = {
        ...{ from, to: to ?? new Date().toISOString() },
        ...(config === undefined ? {} : { config: await readConfig(config) }),
      };
      const request = { method: "POST" as const, body, isRepeatable: true };
      const answer = await call(context, triggerReplay, "/v1/triggers/replay", request);
      show(context, command, answer, () => {
        const rows = answer.decisions.map((one) => [
          ...[one.decidedAt, one.tenant, one.direction, reasonsText(one.reasons)],
          one.startedAt ?? one.holds.map(({ gate }) => gate).join(", "),
        ]);
        const hours = figure(answer.dedicatedHourCount);
        return `${table(["DECIDED", "TENANT", "DIRECTION", "REASONS", "STARTED, OR WHY NOT"], rows)}
${hours} hours of dedicated databases, ${figure(answer.dedicatedUsd)} USD more than shared`;
      });
    });

  trigger
    .command("decisions")
    .description("what the triggers have decided, newest first")
    .option("--tenant <id>", "of one tenant")
    .action(async ({ tenant }: { readonly tenant?: string }, command: Command) => {
      const page = await call(context, decisionList, "/v1/triggers/decisions", { query: { tenant } });
      show(context, command, page, () =>
        table(
          ["ID", "DECIDED", "TENANT", "DIRECTION", "STATUS", "REASONS", "WAITS FOR"],
          page.decisions.map((one) => [
            ...[one.id, one.decidedAt, one.tenant, one.direction, one.status],
            reasonsText(one.evidence.reasons),
            // What has ended waits for nothing, whatever held it.
            one.status === "recommended" ? one.holds.map(({ gate }) => gate).join(", ") : "",
          ]),
        ),
      );
    });
}

function reasonsText(reasons: readonly Reason[]): string {
  return reasons
    .map(({ metric, value, limit }) => `${metric} ${figure(value)} (${figure(limit)})`)
    .join(", ");
}

/** Takes what GET /v1/triggers answers, too: who changes a number need not cut out the rest. */
async function readConfig(file: string): Promise<unknown> {
  try {
    const parsed = JSON.parse(await readFile(file, "utf8")) as { readonly triggers?: unknown };
    return parsed.triggers ?? parsed;
  } catch (cause) {
    const message = `${file} cannot be read as JSON: ${cause instanceof Error ? cause.message : String(cause)}`;
    throw new MillwrightError("request-invalid", message, { cause });
  }
}
