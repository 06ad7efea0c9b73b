import { chmod, link, mkdir, open, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { MillwrightError } from "../../model/errors.ts";
import { endProcess, identify, isAlive, type ProcessIdentity } from "./process-identity.ts";

const identity = z.object({ pid: z.number().int().positive(), startTime: z.string() });

/** `$MILLWRIGHT_HOME/run.json`: what runs now. Read by the command line, by tests, and by the next start. */
const runFile = z.object({
  url: z.string().optional(),
  service: identity,
  host: identity.optional(),
  demo: identity.optional(),
});
export type RunFile = z.infer<typeof runFile>;

const ORPHAN_GRACE_MS = 5_000; // an orphaned host ends by itself when its parent's pipe closes; this is the second line

/** The folder of one installation, owned by one live service at a time. */
export interface Home {
  readonly folder: string;
  readonly record: (parts: Partial<Omit<RunFile, "service">>) => Promise<void>;
  readonly release: () => Promise<void>;
}

/**
 * Makes the folder, refuses it while another live service owns it, and ends what a killed predecessor left running.
 * @throws MillwrightError `home-in-use`
 */
export async function claimHome(folder: string): Promise<Home> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await chmod(folder, 0o700);
  const file = path.join(folder, "run.json");
  const self = identify(process.pid);
  if (self === undefined)
    throw new MillwrightError("internal", "This process cannot read its own start time.");
  const lock = `${file}.lock`;
  await takeLock(lock, self);

  const previous = await readRunFile(folder);
  for (const left of [previous?.host, previous?.demo])
    if (left !== undefined) await endProcess(left, ORPHAN_GRACE_MS);

  let current: RunFile = { service: self };
  const write = async () => {
    await writeFile(`${file}.new`, `${JSON.stringify(current, null, 2)}\n`, { mode: 0o600 });
    await rename(`${file}.new`, file);
  };
  await write();
  let writing = Promise.resolve();
  return {
    folder,
    record(parts) {
      current = { ...current, ...parts };
      writing = writing.then(write);
      return writing;
    },
    async release() {
      await writing.catch(() => undefined);
      await rm(file, { force: true });
      await rm(lock, { force: true });
    },
  };
}

/** undefined when nothing was recorded, or nothing that can be understood */
export async function readRunFile(folder: string): Promise<RunFile | undefined> {
  const text = await readFile(path.join(folder, "run.json"), "utf8").catch(() => "");
  try {
    return runFile.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** Exclusive creation decides between two starts; a lock whose process is gone is taken over. */
async function takeLock(file: string, self: ProcessIdentity): Promise<void> {
  for (let attempt = 0; attempt < 10; attempt++) {
    try {
      const handle = await open(file, "wx", 0o600);
      await handle.writeFile(JSON.stringify(self));
      await handle.close();
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const owner = identity.safeParse(parseOrUndefined(await readFile(file, "utf8").catch(() => ""))).data;
    if (owner !== undefined && isAlive(owner)) {
      throw new MillwrightError(
        "home-in-use",
        `Process ${owner.pid} already runs on ${path.dirname(file)}. Stop it, or set MILLWRIGHT_HOME to another folder.`,
      );
    }
    await removeDeadLock(file, owner);
  }
  throw new MillwrightError("home-in-use", `Another start is fighting for ${file}; try again.`, {
    retryable: true,
  });
}

/** Of two starts that find the same dead lock, one removes it; the other must not remove the first one's new lock. */
async function removeDeadLock(file: string, dead: ProcessIdentity | undefined): Promise<void> {
  const aside = `${file}.${process.pid}`;
  try {
    await rename(file, aside);
  } catch {
    return; // the other start was faster
  }
  const found = identity.safeParse(parseOrUndefined(await readFile(aside, "utf8"))).data;
  if (found?.pid !== dead?.pid || found?.startTime !== dead?.startTime)
    await link(aside, file).catch(() => undefined);
  await rm(aside, { force: true });
}

function parseOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
