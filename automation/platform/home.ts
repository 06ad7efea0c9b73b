import { chmod, mkdir, readFile, rm } from "node:fs/promises";
import path from "node:path";
import * as z from "zod";
import { writeWhole } from "../../data/whole-file.ts";
import { MillwrightError } from "../../model/errors.ts";
import { tryLock, unlock } from "../processes/lock-file.ts";
import { endProcess, identifySelf, processIdentity } from "../processes/process-identity.ts";

/** `$MILLWRIGHT_HOME/run.json`: what runs now. Read by the command line, by tests, and by the next start. */
const runFile = z.object({
  url: z.string().optional(),
  /** Of the MQTT entrance. */
  mqttUrl: z.string().optional(),
  service: processIdentity,
  host: processIdentity.optional(),
  demo: processIdentity.optional(),
});
export type RunFile = z.infer<typeof runFile>;

/** The public part of the key that signs receipts, in PEM. */
export const RECEIPT_KEY_FILE = "receipt-key.pem";

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
  const lock = `${file}.lock`;
  const owner = await tryLock(lock);
  if (owner !== undefined) {
    throw new MillwrightError(
      "home-in-use",
      `Process ${owner.pid} already runs on ${folder}. Stop it, or set MILLWRIGHT_HOME to another folder.`,
    );
  }

  const previous = await readRunFile(folder);
  for (const left of [previous?.host, previous?.demo])
    if (left !== undefined) await endProcess(left, ORPHAN_GRACE_MS);

  let current: RunFile = { service: identifySelf() };
  const write = () => writeWhole(file, `${JSON.stringify(current, null, 2)}\n`, 0o600);
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
      await unlock(lock);
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
