import { appendFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { EventLog, NewRecord } from "../../../data/event-log/event-log.ts";
import { MillwrightError } from "../../../model/errors.ts";
import type { JournalLine, SentRecord } from "../../checker/journal.ts";
import type { PlaneTenant } from "./plane.ts";
import type { Call } from "./call.ts";
import type { Workload } from "./workload.ts";

const RETRY_MS = 30;

/** Writes the journal: what was sent before it is sent, what became of it when that is known. */
export class JournalWriter {
  readonly file: string;
  #recordCount = 0;

  constructor(file: string) {
    this.file = file;
  }

  write(line: JournalLine): void {
    appendFileSync(this.file, `${JSON.stringify(line)}\n`);
  }

  number(): number {
    return ++this.#recordCount;
  }
}

/** Whoever makes calls, one after the other, and writes them down. */
export interface Client extends Pick<PlaneTenant, "tenant" | "topic"> {
  readonly headers?: PlaneTenant["headers"];
  readonly connection: string;
  readonly log: EventLog;
  readonly journal: JournalWriter;
}

export interface Sender extends Client {
  readonly workload: Workload;
  readonly pauseMs: number;
}

/** Makes one call after the other until `signal` aborts; then what must be sent again is sent to its end. */
export async function send(sender: Sender, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const call = sender.workload.nextCall();
    if (await make(sender, call)) {
      const reuse = sender.workload.nextReuse(call);
      if (reuse !== undefined) await make(sender, reuse);
    }
    await delay(sender.pauseMs);
  }
}

/** @returns whether it was acknowledged in the end: a call without a batch id is not made again */
export async function make(client: Client, { drafts, isRepeated }: Call): Promise<boolean> {
  const { tenant, topic, headers = {}, connection, journal, log } = client;
  const records = drafts.map((draft): SentRecord => {
    return { kind: "sent", record: journal.number(), connection, tenant, topic, ...draft };
  });
  for (const record of records) journal.write(record);
  const isSafeToRepeat = records.every(({ batch }) => batch !== undefined);
  let ackCount = 0;
  for (;;) {
    const outcome = await tryOnce(log, records, headers);
    for (const { record } of records) journal.write({ kind: "outcome", record, outcome });
    if (outcome === "acked") ackCount += 1;
    if (ackCount === (isRepeated ? 2 : 1)) return true;
    if (!isSafeToRepeat) return false;
    if (outcome === "unknown") await delay(RETRY_MS);
  }
}

async function tryOnce(
  log: EventLog,
  records: readonly SentRecord[],
  owner: PlaneTenant["headers"],
): Promise<"acked" | "unknown"> {
  try {
    await log.append(records.map((record) => recordOf(record, owner)));
    return "acked";
  } catch (error) {
    if (error instanceof MillwrightError && error.retryable) return "unknown";
    throw error;
  }
}

/** The record as it lies in the log, the same bytes at each try. @param owner - headers of a shared topic */
export function recordOf(
  { topic, partition, source, record, batch, value }: SentRecord,
  owner: PlaneTenant["headers"] = {},
): NewRecord {
  const batchHeaders =
    batch === undefined ? {} : { "batch-id": batch.id, part: String(batch.part), "content-hash": batch.hash };
  const facts = { record: String(record), "produced-at": String(Date.now()), source };
  const headers = { ...facts, ...batchHeaders, ...owner };
  return { topic, partition, headers, value: Buffer.from(value, "base64") };
}
