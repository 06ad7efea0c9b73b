import type { Command } from "commander";
import { randomUUID } from "node:crypto";
import { operationEnvelope, type OperationAnswer } from "./answers.ts";
import { call, show, type CommandContext } from "./context.ts";
import { followOperation } from "./operation-commands.ts";

/** Starts an operation, and follows it where that is wanted. */
export async function startOperation(
  context: CommandContext,
  command: Command,
  path: string,
  request: { readonly method: "POST" | "DELETE"; readonly body: object },
  wait: boolean,
): Promise<void> {
  const headers = { "idempotency-key": randomUUID() }; // a repeated call is the same operation
  const answer = await call(context, operationEnvelope, path, { ...request, headers });
  if (wait) await followOperation(context, command, answer.operation.id);
  else show(context, command, answer, () => startedText(answer.operation));
}

function startedText(operation: OperationAnswer): string {
  return `Operation ${operation.id} (${operation.kind}) is ${operation.status}. Watch it: npx millwright operation follow ${operation.id}`;
}
