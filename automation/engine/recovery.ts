import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import * as z from "zod";
import { MillwrightError } from "../../model/errors.ts";
import { startedAt } from "../processes/process-identity.ts";
import { isUnknownStack, runProgram, type CliCall } from "./cli.ts";
import { PROJECT, type EngineLayout } from "./layout.ts";
import { stateFile } from "./project.ts";
import type { StateStore } from "./state-store.ts";

/** What the CLI writes into a lock, in a folder as in a bucket (pulumi/pkg/backend/diy/lock.go, v3.220.0). */
const lockContent = z.object({
  pid: z.number().int().positive(),
  username: z.string(),
  hostname: z.string(),
  timestamp: z.coerce.date(),
});

/** A start time is right to a second or so, and clocks are set: a little later than its own lock is no later process. */
const CLOCK_TOLERANCE_MS = 5_000;

/**
 * How long the run of an owner on another machine has to see that it was replaced, and to end; in a bucket, where nobody
 * can end it from here. Longer than a run of ours goes on without knowing that it may (child.ts).
 */
const HAND_OVER_MS = 20_000;

/**
 * Deletes the locks that dead processes left on a stack. A lock counts as dead when its process does not run on this
 * host, or when the pid now belongs to a process that started after the lock was written. Those of the machine of the
 * `former` owner are dead, too: whoever may open this stack under a higher fencing token knows that the owner is gone;
 * where its run may go on (`mayRun`), it is given time to end.
 * @param state - of the CLI (`.pulumi`)
 * @throws MillwrightError `stack-locked` when a lock's process lives, or when nothing tells that it does not
 */
export async function breakDeadLocks(
  state: StateStore,
  stack: string,
  former?: { readonly host: string; readonly mayRun: boolean },
): Promise<void> {
  const names = await state.list(`locks/organization/${PROJECT}/${stack}`);
  for (const name of names.filter((file) => file.endsWith(".json"))) {
    const kept = await state.read(name);
    if (kept === undefined) continue; // released meanwhile
    const lock = parseLock(kept.text);
    if (lock === undefined) {
      throw new MillwrightError("stack-locked", `Stack ${stack} has a lock that cannot be read: ${name}.`, {
        retryable: true,
      });
    }
    if (!isDead(lock, former?.host)) {
      const owner = `process ${lock.pid} of ${lock.username} on ${lock.hostname}`;
      const message = `Stack ${stack} is locked by ${owner} since ${lock.timestamp.toISOString()}.`;
      throw new MillwrightError("stack-locked", `${message} Wait for it, or end it.`, { retryable: true });
    }
    if (former?.mayRun === true && lock.hostname !== hostname()) await delay(HAND_OVER_MS);
    await state.remove(name);
    await state.remove(`${name}.attrs`); // beside each file of a folder
  }
}

function isDead(lock: z.infer<typeof lockContent>, deadHost: string | undefined): boolean {
  if (lock.hostname !== hostname()) return lock.hostname === deadHost;
  const ownerStartedAt = startedAt(lock.pid);
  return ownerStartedAt === undefined || ownerStartedAt > lock.timestamp.getTime() + CLOCK_TOLERANCE_MS;
}

function parseLock(text: string): z.infer<typeof lockContent> | undefined {
  try {
    return lockContent.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** Only the part that is looked at; the rest is the CLI's own business. */
interface Deployment {
  readonly pending_operations?: readonly unknown[];
}
interface Checkpoint {
  readonly checkpoint?: { readonly latest?: Deployment };
}

/**
 * Drops the operations that a killed run left open in the state. A pending create may have made its resource, and
 * dropping it would orphan that, if names were random. Ours are computed, and the create of our providers adopts what
 * bears the name, so the next `up` takes the resource over. Updates and deletes run again by themselves.
 * A state file is read first: nearly always nothing is pending, and that costs no run of the CLI.
 */
export async function clearPendingOperations(
  cliPath: string,
  { state, bucket }: Pick<EngineLayout, "state" | "bucket">,
  stack: string,
  call: CliCall,
): Promise<number> {
  let pendingCount = 0;
  if (bucket === undefined) {
    const text = await readFile(stateFile(state, stack), "utf8").catch(() => "{}");
    pendingCount = ((JSON.parse(text) as Checkpoint).checkpoint?.latest?.pending_operations ?? []).length;
    if (pendingCount === 0) return 0;
  }
  const exported = await runProgram(cliPath, ["stack", "export", "--stack", stack], call);
  if (isUnknownStack(exported)) return 0;
  if (exported.code === 0) {
    const { deployment, ...rest } = JSON.parse(exported.stdout) as { deployment: Deployment | null };
    const { pending_operations: pending = [], ...settled } = deployment ?? {};
    pendingCount = pending.length;
    if (pendingCount === 0) return 0;
    const input = JSON.stringify({ ...rest, deployment: settled }); // secrets stay encrypted on the way
    const imported = await runProgram(cliPath, ["stack", "import", "--stack", stack], { ...call, input });
    if (imported.code === 0) return pendingCount;
  }
  throw new MillwrightError(
    "engine-failed",
    `The ${pendingCount} operations that an interrupted run left in stack ${stack} could not be cleared.`,
    { retryable: true },
  );
}
