import { Command, CommanderError } from "commander";
import { createRequire } from "node:module";
import { MillwrightError } from "../../model/errors.ts";
import { CallFailed } from "./api-client.ts";
import type { CommandContext } from "./context.ts";
import { addCostDecisionCommands } from "./cost-decision-commands.ts";
import { addCostQuoteCommand } from "./cost-quote-command.ts";
import { addDeadLetterCommands } from "./dead-letter-commands.ts";
import { addDoctorCommand } from "./doctor-command.ts";
import { addDriftCommand } from "./drift-command.ts";
import { addImportCommand } from "./import-command.ts";
import { addMovePlanCommand } from "./move-plan-command.ts";
import { addOperationCommands } from "./operation-commands.ts";
import { addPriceCommands } from "./price-commands.ts";
import { addKeyCommands, addTenantCommands } from "./tenant-commands.ts";
import { addReceiptCommands } from "./receipt-commands.ts";
import { addTriggerCommands } from "./trigger-commands.ts";
import { addCostBillCommands } from "./cost-bill-commands.ts";
import { addCostCheckCommands } from "./cost-check-commands.ts";
import { addUsageCommand } from "./usage-command.ts";

/**
 * 0 done, 1 not done or something found wrong, 2 the command itself was wrong, 3 nobody can say from here, 130 interrupted
 * (128 + SIGINT).
 */
export type ExitCode = 0 | 1 | 2 | 3 | 130;

/** Runs one command line; everything that goes wrong is shown on the terminal and becomes the exit code. */
export async function runProgram(
  args: readonly string[],
  surroundings: Omit<CommandContext, "failed">,
): Promise<ExitCode> {
  let exitCode: ExitCode = 0;
  const context: CommandContext = { ...surroundings, failed: (code = 1) => (exitCode = code) };
  const program = buildProgram(context);
  try {
    await program.parseAsync(args, { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2; // its message is shown already
    if (context.signal.aborted) {
      context.terminal.err("Interrupted.");
      return 130;
    }
    const isForProgram = program.opts<{ json?: boolean }>().json === true;
    context.terminal.err(isForProgram ? JSON.stringify({ error: errorFacts(error) }) : errorText(error));
    return 1;
  }
}

function buildProgram(context: CommandContext): Command {
  const { terminal } = context;
  const withoutNewline = (write: (text: string) => void) => (text: string) => write(text.replace(/\n$/, ""));
  const { version } = createRequire(import.meta.url)("../../package.json") as { version: string };
  const program = new Command("millwright")
    .description("Tenants, operations and imports of a Millwright platform.")
    .version(version)
    .option("--json", "answer in JSON, for programs")
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ writeOut: withoutNewline(terminal.out), writeErr: withoutNewline(terminal.err) })
    .showHelpAfterError("(add --help for what is possible)");
  addTenantCommands(program, context);
  addKeyCommands(program, context);
  addMovePlanCommand(program, context);
  addOperationCommands(program, context);
  addImportCommand(program, context);
  addDeadLetterCommands(program, context);
  addReceiptCommands(program, context);
  addTriggerCommands(program, context);
  addUsageCommand(program, context);
  addCostQuoteCommand(program, context);
  addCostBillCommands(program, context);
  addCostCheckCommands(program, context);
  addPriceCommands(program, context);
  addCostDecisionCommands(program, context);
  addDriftCommand(program, context);
  addDoctorCommand(program, context);
  return program;
}

/** What a person can do about a code; the message itself says what was wrong and where. */
const REMEDIES: Readonly<Record<string, string>> = {
  unauthenticated: "Set MILLWRIGHT_TOKEN to a token of this service, or run in the folder of the platform.",
  forbidden: "The role of this token may not do this; an administrator's may.",
  "tenant-unknown": "npx millwright tenant list shows the tenants.",
  "tenant-required": "Here that is --tenant ID.",
  "operation-unknown": "npx millwright operation list shows the operations.",
  "dead-letter-unknown": "npx millwright dead-letters list shows the letters.",
  "import-map-invalid": "docs/import.md says how to write a map.",
  "price-ambiguous": "docs/prices.md says how to tell a rule which one it means.",
};

function errorText(error: unknown): string {
  const { code, message, errors, retryable } = errorFacts(error);
  // A message that names the fields already is not followed by them once more.
  const unsaid = errors.filter((field) => !message.includes(field.message));
  const fields = unsaid.map((field) => `  ${field.pointer}: ${field.message}`);
  const remedy = REMEDIES[code] ?? (retryable ? "The same command may succeed later." : undefined);
  return [`error: ${message} (${code})`, ...fields, ...(remedy === undefined ? [] : [remedy])].join("\n");
}

function errorFacts(error: unknown) {
  if (error instanceof MillwrightError || error instanceof CallFailed) {
    const { code, message, fields: errors, retryable } = error;
    return { code: code, message, errors, retryable };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { code: "internal", message, errors: [], retryable: false };
}
