import { hostname } from "node:os";
import * as z from "zod";
import { MillwrightError } from "../../model/errors.ts";
import type { ProcessIdentity } from "../processes/process-identity.ts";
import { endSession } from "../processes/process-session.ts";
import type { BucketState } from "./layout.ts";
import { bucketStore, folderStore, type KeptText, type StateStore } from "./state-store.ts";

/**
 * Who drives a stack, or drove it last: one record per stack, where its state is. It outlives the session and even the stack, because the
 * token in it is what refuses an owner that was replaced while it was stopped.
 */
const sessionRecord = z.object({
  fencingToken: z.string().regex(/^\d+$/),
  host: z.string(),
  pid: z.number().int().positive().optional(),
  startTime: z.string().optional(),
});

type SessionRecord = z.infer<typeof sessionRecord>;

/** The record of one stack. */
export class SessionRecords {
  readonly #store: StateStore;
  readonly #name: string;
  readonly #stack: string;

  /** @param bucket - where the state is; undefined: in this installation, whose records are in `folder` */
  constructor(stack: string, folder: string, bucket: BucketState | undefined) {
    this.#store = bucket === undefined ? folderStore(folder) : bucketStore(bucket, ".pulumi/millwright");
    this.#name = `${stack}.json`;
    this.#stack = stack;
  }

  /**
   * Takes the stack over: refuses an owner older than the recorded one, then ends what the recorded one left running on
   * this machine. Called under the stack's lock.
   * @returns the host name that the last owner ran under, if there was one
   * @throws MillwrightError `operation-fenced`
   */
  async takeOver(fencingToken: bigint): Promise<string | undefined> {
    // Raised before anything else is done: from here on no child of the last owner begins a run. Its pid and host stay,
    // so that whoever comes after a kill at this point still finds what is to be ended, and whose locks are dead.
    const last = await this.#replace(fencingToken, (record) => ({
      host: hostname(),
      ...record,
      fencingToken: String(fencingToken),
    }));
    if (last?.pid !== undefined && last.startTime !== undefined)
      await endSession({ pid: last.pid, startTime: last.startTime });
    return last?.host;
  }

  /** Names the child that may work on the stack from now on. @throws MillwrightError `operation-fenced` */
  async recordChild(fencingToken: bigint, child: ProcessIdentity): Promise<void> {
    await this.#replace(fencingToken, () => ({
      fencingToken: String(fencingToken),
      host: hostname(),
      ...child,
    }));
  }

  /** Whether this process is the child that may work on the stack: the last look before each run. */
  async isRecordedChild(fencingToken: bigint): Promise<boolean> {
    const { record } = await this.#read();
    return (
      record?.pid === process.pid &&
      record.host === hostname() &&
      BigInt(record.fencingToken) === fencingToken
    );
  }

  /** @returns the record before */
  async #replace(
    fencingToken: bigint,
    next: (last: SessionRecord | undefined) => SessionRecord,
  ): Promise<SessionRecord | undefined> {
    const { record, kept } = await this.#read();
    if (record !== undefined && BigInt(record.fencingToken) > fencingToken) {
      const message = `Stack ${this.#stack} has a newer owner (${record.fencingToken}) than this operation's (${fencingToken}).`;
      throw new MillwrightError("operation-fenced", message);
    }
    await this.#store.write(this.#name, JSON.stringify(next(record)), kept);
    return record;
  }

  async #read(): Promise<{ record: SessionRecord | undefined; kept: KeptText | undefined }> {
    const kept = await this.#store.read(this.#name);
    return { record: kept && sessionRecord.parse(JSON.parse(kept.text)), kept };
  }
}
