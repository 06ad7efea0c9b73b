import { randomUUID } from "node:crypto";
import { link, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { identifySelf, isAlive, processIdentity, type ProcessIdentity } from "./process-identity.ts";

/**
 * A lock is a file that names its owner: *free* while it is absent, *held* while its owner lives, *dead* after a kill,
 * which leaves the file behind. A dead one is removed under a lock of its own, `FILE.dead`: a waiter that removed what
 * it has just read could otherwise remove the lock that a faster one has taken meanwhile.
 */

const RETRY_MS = 50;

/**
 * Runs `work` while no other holder of the same lock file runs; waits for one that does.
 * @param onWait - called before each wait of 50 ms with the owner's pid; throws to give up
 */
export async function exclusively<T>(
  file: string,
  work: () => Promise<T>,
  onWait: (ownerPid: number, waitedMs: number) => void = () => undefined,
): Promise<T> {
  const startedWaiting = performance.now();
  for (let owner = await tryLock(file); owner !== undefined; owner = await tryLock(file)) {
    onWait(owner.pid, performance.now() - startedWaiting);
    await delay(RETRY_MS);
  }
  try {
    return await work();
  } finally {
    await unlock(file);
  }
}

/** Takes the lock. @returns the live owner when there is one; undefined: it is ours, until `unlock` or our end */
export async function tryLock(file: string): Promise<ProcessIdentity | undefined> {
  const self = JSON.stringify(identifySelf());
  await mkdir(path.dirname(file), { recursive: true });
  while (!(await create(file, self))) {
    const content = await read(file);
    if (content === undefined) continue; // released meanwhile
    const owner = ownerOf(content);
    if (owner !== undefined && isAlive(owner)) return owner;
    await removeDead(file, content);
  }
  return undefined;
}

async function removeDead(file: string, content: string): Promise<void> {
  const removal = `${file}.dead`;
  if ((await tryLock(removal)) !== undefined) return delay(RETRY_MS);
  try {
    if ((await read(file)) === content) await unlock(file);
  } finally {
    await unlock(removal);
  }
}

export async function unlock(file: string): Promise<void> {
  await rm(file, { force: true });
}

/** Written beside and linked, so that nobody finds a lock that does not name its owner. */
async function create(file: string, content: string): Promise<boolean> {
  const written = `${file}.${randomUUID()}`;
  await writeFile(written, content, { mode: 0o600 });
  try {
    await link(written, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    await rm(written, { force: true });
  }
}

async function read(file: string): Promise<string | undefined> {
  return readFile(file, "utf8").catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  });
}

/** undefined for what a power cut has left of a file: its owner is dead */
function ownerOf(content: string): ProcessIdentity | undefined {
  try {
    return processIdentity.safeParse(JSON.parse(content)).data;
  } catch {
    return undefined;
  }
}
