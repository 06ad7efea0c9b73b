import { randomUUID } from "node:crypto";
import { hasCode } from "../../model/errors.ts";
import { pause } from "../wait.ts";
import type { EventLog, NewRecord } from "./event-log.ts";
import { Spool, type Entry } from "./spool.ts";

export interface BufferedLog extends Pick<EventLog, "append"> {
  /** What waits on disk for the log. */
  readonly waitingBytes: () => number;
  readonly close: () => Promise<void>;
}

export interface BufferOptions {
  readonly folder: string;
  readonly maxBytes: number;
  /** Hears of records that can never be appended, because their topic went meanwhile. */
  readonly onDropped: (records: readonly NewRecord[]) => void;
}

const RETRY_MS = 200;

/**
 * A log whose appends wait on disk while it is away: one resolves when the log or the disk has it. From the first
 * refusal on everything goes by way of the disk, in order, until that is empty again. An append whose answer was lost
 * may be in the log already, and a kill may replay what was taken: so each record gets a batch id, if its client gave
 * none, and ingest adds it once.
 */
export async function bufferLog(
  log: Pick<EventLog, "append">,
  { folder, maxBytes, onDropped }: BufferOptions,
): Promise<BufferedLog> {
  const spool = await Spool.open(folder, maxBytes);
  const stopping = new AbortController();
  let draining: Promise<void> | undefined;

  const drain = async () => {
    while (!stopping.signal.aborted && !spool.isEmpty) {
      const last = await appendOldest(await spool.oldest());
      if (last === undefined) await pause(RETRY_MS, stopping.signal);
      else await spool.taken(last);
    }
    draining = undefined; // in the same turn as the check: nobody can slip in between
  };
  /** @returns the last entry that the log has; undefined: none */
  const appendOldest = async (entries: readonly Entry[]): Promise<Entry | undefined> => {
    const [first] = entries;
    if (first === undefined) return undefined;
    try {
      await log.append(entries.flatMap(({ records }) => records));
      return entries.at(-1);
    } catch (error) {
      if (!hasCode(error, "topic-unknown")) return undefined;
      if (entries.length > 1) return appendOldest([first]);
      onDropped(first.records);
      return first;
    }
  };
  const keep = async (records: readonly NewRecord[]) => {
    await spool.add(records);
    draining ??= drain();
  };
  if (!spool.isEmpty) draining = drain();

  return {
    async append(records) {
      const known = withBatchIds(records);
      if (draining !== undefined || !spool.isEmpty) return keep(known);
      try {
        await log.append(known);
      } catch (error) {
        if (!hasCode(error, "log-unavailable")) throw error;
        await keep(known);
      }
    },
    waitingBytes: () => spool.bytes,
    async close() {
      stopping.abort();
      await draining;
      await spool.close();
    },
  };
}

function withBatchIds(records: readonly NewRecord[]): readonly NewRecord[] {
  const id = `buffer/${randomUUID()}`;
  return records.map((record, part) =>
    record.headers["batch-id"] === undefined
      ? { ...record, headers: { ...record.headers, "batch-id": id, part: String(part), "content-hash": "" } }
      : record,
  );
}
