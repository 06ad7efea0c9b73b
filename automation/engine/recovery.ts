import { readdir, readFile, rm } from "node:fs/promises";
import { hostname } from "node:os";
import path from "node:path";
import { z } from "zod";
import { MillwrightError } from "../../model/errors.ts";
import { startedAt } from "../processes/process-identity.ts";
import { isUnknownStack, runProgram, type CliCall } from "./cli.ts";
import { PROJECT, type EngineLayout } from "./layout.ts";
import { stateFile } from "./project.ts";

/** What the CLI writes into a lock of the file backend (pulumi/pkg/backend/diy/lock.go, v3.220.0). */
const lockContent = z.object({
  pid: z.number().int().positive(),
  username: z.string(),
  hostname: z.string(),
  timestamp: z.coerce.date(),
});

/** A start time is right to a second or so, and clocks are set: a little later than its own lock is no later process. */
const CLOCK_TOLERANCE_MS = 5_000;

/**
 * Deletes the locks that dead processes left on a stack. A lock counts as dead when its process does not run on this
 * host, or when the pid now belongs to a process that started after the lock was written. `deadHost` is the host name
 * that the ended owner of this stack ran under: a container has another one after a restart, and whoever may open
 * this stack under a higher fencing token knows that the owner is gone.
 * @throws MillwrightError `stack-locked` when a lock's process lives, or when nothing tells that it does not
 */
export async function breakDeadLocks(state: string, stack: string, deadHost?: string): Promise<void> {
  const folder = path.join(state, ".pulumi", "locks", "organization", PROJECT, stack);
  for (const name of await listFolder(folder)) {
    const file = path.join(folder, name);
    const text = await readFile(file, "utf8").catch(() => undefined);
    if (text === undefined) continue; // released meanwhile
    const lock = parseLock(text);
    if (lock === undefined) {
      throw new MillwrightError("stack-locked", `Stack ${stack} has a lock that cannot be read: ${name}.`, {
        retryable: true,
      });
    }
    if (!isDead(lock, deadHost)) {
      const owner = `process ${lock.pid} of ${lock.username} on ${lock.hostname}`;
      const message = `Stack ${stack} is locked by ${owner} since ${lock.timestamp.toISOString()}.`;
      throw new MillwrightError("stack-locked", `${message} Wait for it, or end it.`, { retryable: true });
    }
    await rm(file, { force: true });
    await rm(`${file}.attrs`, { force: true });
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

async function listFolder(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  });
  return names.filter((name) => name.endsWith(".json"));
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
