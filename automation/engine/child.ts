import type { StackDifference } from "../../model/drift.ts";
import { MillwrightError } from "../../model/errors.ts";
import { identifySelf } from "../processes/process-identity.ts";
import { endSession } from "../processes/process-session.ts";
import type { RunReports, StackRunner } from "./child-run.ts";
import {
  isMade,
  openPublished,
  prepareStack,
  publishSettings,
  removeStack,
  stackOutputs,
} from "./child-stack.ts";
import type { ChangeSummary } from "./engine.ts";
import type { Action, ActionResult, ChildMessage, ParentMessage, Problem, SessionSetup } from "./messages.ts";
import { redactor } from "./redaction.ts";
import { SessionRecords } from "./session-record.ts";

/**
 * The child of one session, in a process session of its own: runs actions one after another, as the parent asks. It
 * ends with its parent: when the pipe closes, a running CLI gets SIGINT, so that it writes its state and releases its
 * lock, and after a grace time SIGKILL reaches everything that belongs to the session.
 */
const ORPHAN_GRACE_MS = 10_000;
const ALIVE_EVERY_MS = 1_000;
const OWNER_LOOK_MS = 3_000;
/** With a look that hangs for its time-out, still less than what the next owner waits (recovery.ts). */
const OWNER_LIMIT_MS = 10_000;

// The SDK takes most of a second to load; the stack is prepared by CLI calls meanwhile.
const loading = import("./child-run.ts");
loading.catch(() => undefined); // told by the first action

const cancelled = new AbortController();
let setup: SessionSetup | undefined;
let prepared: Promise<void> | undefined;
let runner: Promise<StackRunner> | undefined;
let isRunning = false;
let lastAliveAt = 0;

process.on("message", (message: ParentMessage) => {
  switch (message.kind) {
    case "setup":
      setup = message.setup;
      return;
    case "cancel":
      cancelled.abort();
      return;
    case "run":
      void runAction(message.action);
  }
});
process.on("disconnect", () => {
  if (!isRunning) process.exit(0);
  cancelled.abort();
  setTimeout(() => void endSession(identifySelf()), ORPHAN_GRACE_MS);
});
// The CLI gets its SIGINT by `cancelled`; a signal to the whole group must not end its reporter first.
process.on("SIGINT", () => undefined);
process.on("SIGTERM", () => undefined);

async function runAction(action: Action): Promise<void> {
  isRunning = true;
  let watching: NodeJS.Timeout | undefined;
  try {
    if (setup === undefined) throw new Error("an action came before the setup");
    watching = watchOwner(setup);
    send({ kind: "done", result: await act(setup, action) });
  } catch (error) {
    send({ kind: "failed", problem: asProblem(error) });
  } finally {
    isRunning = false;
    clearInterval(watching);
    if (!process.connected) process.exit(0);
  }
}

async function act(session: SessionSetup, action: Action): Promise<ActionResult> {
  await assertOwner(session);
  if (action === "outputs") return readOutputs(session);
  if (action === "destroy") {
    const changes = (await isMade(session)) ? await runEngine(session, "destroy") : {};
    await removeStack(session);
    prepared = undefined;
    return changes;
  }
  if (action === "drift") return findDrift(session);
  return runEngine(session, action);
}

async function findDrift(session: SessionSetup): Promise<readonly StackDifference[]> {
  if (!(await isMade(session))) return [];
  await openPublished(session);
  return (await runnerOf(session)).drift(reports());
}

async function readOutputs(session: SessionSetup): Promise<Readonly<Record<string, unknown>>> {
  const ownOutputs = (await runner)?.outputs;
  if (ownOutputs !== undefined) return ownOutputs;
  if (!(await isMade(session))) return {};
  prepared ??= prepareStack(session);
  await prepared;
  return stackOutputs(session);
}

async function runEngine(
  session: SessionSetup,
  action: "preview" | "up" | "destroy",
): Promise<ChangeSummary> {
  prepared ??= prepareStack(session);
  const [stackRunner] = await Promise.all([runnerOf(session), prepared]);
  const changes = await stackRunner[action](reports());
  if (action === "up") await publishSettings(session);
  return changes;
}

function runnerOf(session: SessionSetup): Promise<StackRunner> {
  runner ??= loading.then((sdk) => sdk.StackRunner.load(session));
  return runner;
}

function reports(): RunReports {
  const { signal } = cancelled;
  if (signal.aborted) throw new MillwrightError("operation-cancelled", "The run was cancelled.");
  return { onEvent: (event) => send({ kind: "event", event }), onActivity: reportAlive, signal };
}

/** A replaced owner's child must not begin anything more: the record names the process that may. */
async function assertOwner(session: SessionSetup): Promise<void> {
  if (!(await isOwner(session)))
    throw new MillwrightError("operation-fenced", `Another owner has taken over stack ${session.stack}.`);
}

function isOwner({ recordFolder, bucket, fencingToken, stack }: SessionSetup): Promise<boolean> {
  return new SessionRecords(stack, recordFolder, bucket).isRecordedChild(BigInt(fencingToken));
}

/**
 * While a run lasts: ends this session when another owner has taken the stack over, or when that cannot be known for too
 * long. The next owner may be on a machine from where it cannot end us, and breaks our lock after a while. In a folder
 * the next owner is on this machine, and ends us itself.
 */
function watchOwner(session: SessionSetup): NodeJS.Timeout | undefined {
  if (session.bucket === undefined) return undefined;
  let knownAt = performance.now();
  const look = async () => {
    const askedAt = performance.now();
    const isOurs = await isOwner(session).catch(() => undefined);
    if (isOurs === true) knownAt = askedAt;
    if (isOurs === false || performance.now() - knownAt > OWNER_LIMIT_MS) await endSession(identifySelf());
  };
  return setInterval(() => void look(), OWNER_LOOK_MS);
}

function asProblem(error: unknown): Problem {
  if (error instanceof MillwrightError) {
    const { code, message, retryable, fields } = error;
    return { code, message: hideConfig(message), retryable, fields };
  }
  const message = `The stack's program could not be run: ${error instanceof Error ? error.message : String(error)}`;
  return { code: "engine-failed", message: hideConfig(message), retryable: false, fields: [] };
}

function hideConfig(text: string): string {
  return redactor(Object.values(setup?.secretConfig ?? {}))(text);
}

function reportAlive(): void {
  const now = performance.now();
  if (now - lastAliveAt < ALIVE_EVERY_MS) return;
  lastAliveAt = now;
  send({ kind: "alive" });
}

function send(message: ChildMessage): void {
  // A parent that is gone reads nothing; the end of the run sees to the end of this process.
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}
