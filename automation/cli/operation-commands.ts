import type { Command } from "commander";
import * as z from "zod";
import { runbookLink } from "../runbook.ts";
import { hasEnded, operationEnvelope, operationList, type OperationAnswer } from "./answers.ts";
import { call, isJson, segment, show, type CommandContext } from "./context.ts";
import { followEvents } from "./event-stream.ts";
import { facts, table } from "./output.ts";

export function addOperationCommands(program: Command, context: CommandContext): void {
  const operation = program.command("operation").description("watch and steer long work");

  operation
    .command("list")
    .description("operations, the newest first")
    .option("--tenant <id>", "of one tenant")
    .option("--status <status>", "queued, running, succeeded, failed or cancelled")
    .option("--limit <count>", "how many", "50")
    .action(async (query: Record<string, string>, command: Command) => {
      const { tenant, status, limit } = query;
      const page = await call(context, operationList, "/v1/operations", { query: { tenant, status, limit } });
      show(context, command, page, () =>
        table(
          ["ID", "KIND", "TENANT", "STATUS", "CREATED"],
          page.operations.map((one) => [one.id, one.kind, one.tenant, one.status, one.createdAt]),
        ),
      );
    });

  operation
    .command("show <id>")
    .description("one operation with its steps")
    .action(async (id: string, _options: object, command: Command) => {
      const answer = await call(context, operationEnvelope, pathOf(id));
      show(context, command, answer, () => operationText(answer.operation));
    });

  operation
    .command("follow <id>")
    .description("print the steps as they happen; exit 1 when the operation does not succeed")
    .action((id: string, _options: object, command: Command) => followOperation(context, command, id));

  for (const [verb, description] of [
    ["cancel", "stop at the next safe point"],
    ["retry", "go on from the failed step"],
  ] as const) {
    operation
      .command(`${verb} <id>`)
      .description(description)
      .action(async (id: string, _options: object, command: Command) => {
        const path = `${pathOf(id)}/${verb}`;
        const answer = await call(context, operationEnvelope, path, { method: "POST" });
        show(context, command, answer, () => operationText(answer.operation));
      });
  }
}

const eventData = z.looseObject({
  name: z.string().optional(),
  status: z.string().optional(),
  message: z.string().optional(),
});

/** Prints what happens until the operation has ended, then how it ended. */
export async function followOperation(context: CommandContext, command: Command, id: string): Promise<void> {
  // An operation that does not exist is told by this call; the stream would be tried again and again.
  let { operation } = await call(context, operationEnvelope, pathOf(id));
  if (!hasEnded(operation.status)) {
    const { terminal, signal } = context;
    for await (const event of followEvents(await context.connect(), `${pathOf(id)}/events`, signal)) {
      if (isJson(command)) terminal.out(JSON.stringify({ event: event.kind, data: asJson(event.data) }));
      else terminal.err(eventLine(event.kind, event.data));
      if (event.kind === "status" && hasEnded(payloadOf(event.data).status ?? "")) break;
    }
    ({ operation } = await call(context, operationEnvelope, pathOf(id)));
  }
  show(context, command, { operation }, () => operationText(operation));
  if (operation.status !== "succeeded") context.failed();
}

function eventLine(kind: string, data: string): string {
  const { name, status, message } = payloadOf(data);
  const what = kind === "status" ? "operation" : name;
  return [what, status, message].filter((part) => part !== undefined && part !== "").join(": ") || kind;
}

function payloadOf(data: string): z.infer<typeof eventData> {
  return eventData.safeParse(asJson(data)).data ?? {};
}

function asJson(data: string): unknown {
  try {
    return JSON.parse(data) as unknown;
  } catch {
    return data;
  }
}

function pathOf(id: string): string {
  return `/v1/operations/${segment(id)}`;
}

function operationText(operation: OperationAnswer): string {
  const head = facts([
    ["operation", operation.id],
    ["kind", operation.kind],
    ["tenant", operation.tenant],
    ["status", operation.status],
  ]);
  const steps = table(
    ["STEP", "STATUS", "SECONDS"],
    operation.steps.map((step) => [step.name, step.status, seconds(step.startedAt, step.finishedAt)]),
  );
  const { error } = operation;
  const reason =
    error === null || error === undefined ? [] : [`error: ${error.detail ?? error.code} (${error.code})`];
  const link = runbookLink(error?.code ?? "");
  const help = link === undefined ? [] : [`what to do: ${link}`];
  const retry =
    operation.status === "failed" ? [`retry: npx millwright operation retry ${operation.id}`] : [];
  return [head, steps, ...reason, ...help, ...retry].join("\n");
}

function seconds(from: string | null | undefined, to: string | null | undefined): string | undefined {
  if (from === null || from === undefined || to === null || to === undefined) return undefined;
  return ((Date.parse(to) - Date.parse(from)) / 1_000).toFixed(1);
}
