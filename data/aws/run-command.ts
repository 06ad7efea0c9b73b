import { setTimeout as delay } from "node:timers/promises";
import * as z from "zod";
import { MillwrightError } from "../../model/errors.ts";
import { askAws, type AwsAccount } from "./ask-aws.ts";

/** A command for one machine. */
export interface ServerCommand {
  readonly instanceId: string;
  /** Who asks again with the same one goes on waiting for the command that was sent then; at most 100 characters. */
  readonly id: string;
  /** For a root shell. */
  readonly script: string;
}

export interface CommandProgress {
  /** How AWS calls it: `Pending`, `InProgress`, … */
  readonly report: (status: string) => void;
  /** Ends the waiting, not the command. */
  readonly signal: AbortSignal;
  readonly pollMs?: number;
}

const POLL_MS = 5_000;
/** For a machine that is off or has lost its agent. Shorter: one that just boots is given up. */
const DELIVERY_LIMIT_SECONDS = 600;
/** A restore of 1 TB at 100 MB/s with its backup behind. Shorter: it is cut off. Longer: one that hangs is told later. */
const RUN_LIMIT_SECONDS = 8 * 3_600;
const WAIT_LIMIT_MS = (RUN_LIMIT_SECONDS + 2 * DELIVERY_LIMIT_SECONDS) * 1_000;
/** Of what a script said last. */
const MAX_WORDS = 500;

const sent = z.object({ Command: z.object({ CommandId: z.string() }) });
const listed = z.object({
  Commands: z.array(z.object({ CommandId: z.string(), Comment: z.string().optional() })),
});
const invocation = z.object({
  Status: z.string(),
  StandardErrorContent: z.string().default(""),
  StatusDetails: z.string().optional(),
});

/**
 * Runs a script on a server by Systems Manager and waits for its end.
 * @throws MillwrightError `restore-failed` with the script's last words; `database-unavailable` (retryable) when AWS does
 *   not answer; `operation-cancelled` when the waiting was ended
 */
export async function runOnServer(
  account: AwsAccount,
  command: ServerCommand,
  { report, signal, pollMs = POLL_MS }: CommandProgress,
): Promise<void> {
  const commandId = (await sentCommand(account, command)) ?? (await send(account, command));
  const { instanceId } = command;
  for (const givenUpAtMs = Date.now() + WAIT_LIMIT_MS; Date.now() < givenUpAtMs;) {
    if (signal.aborted) throw new MillwrightError("operation-cancelled", "The waiting was ended.");
    const input = { CommandId: commandId, InstanceId: instanceId };
    // Unknown for a moment after it was sent.
    const found = await ask(account, "GetCommandInvocation", input, ["InvocationDoesNotExist"]);
    const { Status, StandardErrorContent, StatusDetails } = invocation.parse(found ?? { Status: "Pending" });
    report(Status);
    if (Status === "Success") return;
    if (!/^(Pending|InProgress|Delayed|Cancelling)$/.test(Status)) {
      const words = StandardErrorContent.trim().slice(-MAX_WORDS);
      throw failed(`${instanceId}: ${words === "" ? (StatusDetails ?? Status) : words}`);
    }
    await delay(pollMs, undefined, { signal }).catch(() => undefined);
  }
  throw failed(`${instanceId} has not ended in ${WAIT_LIMIT_MS / 3_600_000} hours.`);
}

/** The one with this id, where a killed process has sent it. */
async function sentCommand(account: AwsAccount, { instanceId, id }: ServerCommand) {
  const { Commands } = listed.parse(await ask(account, "ListCommands", { InstanceId: instanceId })); // newest first
  return Commands.find(({ Comment }) => Comment === id)?.CommandId;
}

async function send(account: AwsAccount, { instanceId, id, script }: ServerCommand): Promise<string> {
  const answer = await ask(account, "SendCommand", {
    DocumentName: "AWS-RunShellScript",
    InstanceIds: [instanceId],
    Comment: id,
    TimeoutSeconds: DELIVERY_LIMIT_SECONDS,
    Parameters: { commands: [script], executionTimeout: [String(RUN_LIMIT_SECONDS)] },
  });
  return sent.parse(answer).Command.CommandId;
}

async function ask(
  account: AwsAccount,
  action: string,
  input: Readonly<Record<string, unknown>>,
  known: readonly string[] = [],
): Promise<unknown> {
  const found = await askAws(account, {
    service: "ssm",
    headers: { "content-type": "application/x-amz-json-1.1", "x-amz-target": `AmazonSSM.${action}` },
    body: JSON.stringify(input),
    unanswered: (reason, cause) => {
      const message = `Systems Manager was asked for ${action}: ${reason}.`;
      return new MillwrightError("database-unavailable", message, { retryable: true, cause });
    },
  });
  if (found.refusal === undefined) return found.answer;
  if (known.includes(found.refusal)) return undefined;
  throw failed(`Systems Manager refused ${action}: ${found.refusal} ${found.message}`.trim());
}

function failed(message: string): MillwrightError {
  return new MillwrightError("restore-failed", message);
}
