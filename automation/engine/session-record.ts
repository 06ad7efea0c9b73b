import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { z } from "zod";
import { writeWhole } from "../../data/whole-file.ts";
import { MillwrightError } from "../../model/errors.ts";
import type { ProcessIdentity } from "../processes/process-identity.ts";
import { endSession } from "../processes/process-session.ts";

/**
 * Who drives a stack, or drove it last: one file per stack. It outlives the session and even the stack, because the
 * token in it is what refuses an owner that was replaced while it was stopped.
 */
const sessionRecord = z.object({
  fencingToken: z.string().regex(/^\d+$/),
  host: z.string(),
  pid: z.number().int().positive().optional(),
  startTime: z.string().optional(),
});

type SessionRecord = z.infer<typeof sessionRecord>;

/**
 * Takes a stack over: refuses an owner older than the recorded one, then ends what the recorded one left running.
 * Called under the stack's lock.
 * @returns the host name that the last owner ran under, if there was one
 * @throws MillwrightError `operation-fenced`
 */
export async function takeOver(
  recordFile: string,
  stack: string,
  fencingToken: bigint,
): Promise<string | undefined> {
  const last = await readRecord(recordFile);
  if (last !== undefined && BigInt(last.fencingToken) > fencingToken) {
    const message = `Stack ${stack} has a newer owner (${last.fencingToken}) than this operation's (${fencingToken}).`;
    throw new MillwrightError("operation-fenced", message);
  }
  // Raised before anything else is done: from here on no child of the last owner begins a run. Its pid stays, so that
  // whoever comes after a kill at this point still finds what is to be ended.
  await writeRecord(recordFile, { host: hostname(), ...last, fencingToken: String(fencingToken) });
  if (last?.pid !== undefined && last.startTime !== undefined)
    await endSession({ pid: last.pid, startTime: last.startTime });
  return last?.host;
}

/** Names the child that may work on the stack from now on. */
export async function recordChild(
  recordFile: string,
  fencingToken: bigint,
  child: ProcessIdentity,
): Promise<void> {
  await writeRecord(recordFile, { fencingToken: String(fencingToken), host: hostname(), ...child });
}

/** Whether this process is the child that may work on the stack: the last look before each run. */
export async function isRecordedChild(recordFile: string, fencingToken: bigint): Promise<boolean> {
  const record = await readRecord(recordFile);
  return record?.pid === process.pid && BigInt(record.fencingToken) === fencingToken;
}

async function readRecord(file: string): Promise<SessionRecord | undefined> {
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  });
  return text === undefined ? undefined : sessionRecord.parse(JSON.parse(text));
}

function writeRecord(file: string, record: SessionRecord): Promise<void> {
  return writeWhole(file, JSON.stringify(record), 0o600);
}
