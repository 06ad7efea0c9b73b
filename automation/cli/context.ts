import type { Command } from "commander";
import type * as z from "zod";
import { callApi, CallFailed, type Call, type Connection } from "./api-client.ts";
import type { Terminal } from "./output.ts";
import { retrying } from "./retry.ts";

/** What every command gets; nothing in it belongs to one process, so that a test can run commands side by side. */
export interface CommandContext {
  readonly terminal: Terminal;
  readonly connect: () => Promise<Connection>;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  readonly wait: (ms: number) => Promise<void>;
  /** Exit code 1 for a command that did its work and found something wrong; 3 when it could not find out. */
  readonly failed: (code?: 1 | 3) => void;
}

/** Shows `answer` for a program (`--json`), else `text` for a person. */
export function show(context: CommandContext, command: Command, answer: unknown, text: () => string): void {
  context.terminal.out(isJson(command) ? JSON.stringify(answer) : text());
}

export function isJson(command: Command): boolean {
  return command.optsWithGlobals<{ json?: boolean }>().json === true;
}

/**
 * One call, checked against what the command reads of its answer; repeated while that may help and cannot hurt: it is
 * a GET, has an idempotency key or a batch id.
 */
export async function call<T>(
  context: CommandContext,
  schema: z.ZodType<T>,
  path: string,
  options: Call & { readonly isRepeatable?: boolean } = {},
): Promise<T> {
  const connection = await context.connect();
  const { signal } = context;
  const once = () => callApi(connection, path, { ...options, signal });
  const { method = "GET", headers, isRepeatable = method === "GET" } = options;
  const answer =
    isRepeatable || headers?.["idempotency-key"] !== undefined
      ? await retrying(once, {
          wait: context.wait,
          onRetry: ({ message }, waitMs) =>
            context.terminal.err(`${message} Trying again in ${Math.ceil(waitMs / 1_000)} s.`),
        })
      : await once();
  const parsed = schema.safeParse(answer);
  if (parsed.success) return parsed.data;
  const where = parsed.error.issues[0]?.path.join(".") ?? "";
  const message = `The answer of ${path} is not of version 1 of the API (at '${where}').`;
  throw new CallFailed("internal", message, { retryable: false });
}

/** A path segment from outside: a slash in it must not reach another route. */
export function segment(text: string): string {
  return encodeURIComponent(text);
}
