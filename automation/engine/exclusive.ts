import { randomUUID } from "node:crypto";
import { link, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { isRunning, processIdentity, type ProcessIdentity } from "./process-session.ts";

/**
 * Runs `work` while no other holder of the same lock file runs; waits for one that does, and takes the place of a
 * dead one. Three that meet at a dead owner in the same instant may let two go on: what is done under the lock must
 * also be right when done twice (a rename into place, a record with a fencing token).
 * @param onWait - called before each wait of 50 ms with the owner's pid; throws to give up
 */
export async function exclusively<T>(
  file: string,
  work: () => Promise<T>,
  onWait: (ownerPid: number, waitedMs: number) => void = () => undefined,
): Promise<T> {
  const self = JSON.stringify(await processIdentity(process.pid));
  await mkdir(path.dirname(file), { recursive: true });
  const startedWaiting = performance.now();
  while (!(await tryCreate(file, self))) {
    const owner = await readOwner(file);
    if (owner !== undefined && (await isRunning(owner))) {
      onWait(owner.pid, performance.now() - startedWaiting);
      await new Promise((resolve) => setTimeout(resolve, 50));
    } else {
      await putAside(file);
    }
  }
  try {
    return await work();
  } finally {
    await rm(file, { force: true });
  }
}

/** Written beside and linked, so that nobody finds a lock that does not name its owner. */
async function tryCreate(file: string, content: string): Promise<boolean> {
  const written = `${file}.${randomUUID()}`;
  await writeFile(written, content);
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

/** Removes a dead owner's lock; one that a faster waiter has put in its place meanwhile is given back. */
async function putAside(file: string): Promise<void> {
  const aside = `${file}.${randomUUID()}`;
  const isMoved = await rename(file, aside).then(
    () => true,
    () => false, // somebody else has moved it
  );
  if (!isMoved) return;
  const owner = await readOwner(aside);
  if (owner !== undefined && (await isRunning(owner))) await link(aside, file).catch(() => undefined);
  await rm(aside, { force: true });
}

async function readOwner(file: string): Promise<ProcessIdentity | undefined> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as ProcessIdentity;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Replaces the file whole: a reader or a kill never meets half of it. */
export async function writeWhole(file: string, content: string, mode = 0o644): Promise<void> {
  const written = `${file}.${randomUUID()}`;
  try {
    await writeFile(written, content, { mode, flush: true });
    await rename(written, file);
  } catch (error) {
    await rm(written, { force: true });
    throw error;
  }
}
